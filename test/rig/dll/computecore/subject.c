// What a handle on a compute system or a process knows: whether it ended, who is to be told, what is still to be closed.
#include "core.h"

#include <string.h>

static const char *request_name(const subject *s, const char *system, const char *process)
{
    return s->object.kind == SIM_SYSTEM ? system : process;
}

static sim_request *request_on(const subject *s, const char *name)
{
    sim_request *request = sim_new(name);

    sim_add_utf8(request, ABI);
    sim_add_number(request, s->object.handle);
    return request;
}

typedef struct event_task {
    sim_task task;
    HCS_EVENT event;
    HCS_EVENT_CALLBACK callback;
    void *context;
    PWSTR data;
} event_task;

static void run_event(sim_task *task)
{
    event_task *e = (event_task *)task;
    e->callback(&e->event, e->context);
}

static void discard_event(sim_task *task)
{
    sim_free(((event_task *)task)->data);
}

void subject_post_event(subject *s, HCS_EVENT_CALLBACK callback, void *context, DWORD type, const char *data, HCS_OPERATION operation)
{
    event_task *e = sim_alloc(sizeof *e);

    if (!e)
        return; // nothing of the ABI could tell
    e->task.run = run_event;
    e->task.discard = discard_event;
    e->callback = callback;
    e->context = context;
    e->data = sim_wide(data);
    e->event.Type = type;
    e->event.EventData = e->data;
    e->event.Operation = operation;
    sim_post(&s->object, &e->task);
}

static void post_exit(subject *s)
{
    DWORD type = s->object.kind == SIM_SYSTEM ? EVENT_SYSTEM_EXITED : EVENT_PROCESS_EXITED;
    subject_post_event(s, s->callback, s->context, type, s->exit, NULL);
}

static void on_event(sim_object *object, const char *data)
{
    subject *s = (subject *)object;
    size_t size = strlen(data) + 1;

    AcquireSRWLockExclusive(&s->lock);
    if (!s->ended) {
        s->ended = TRUE;
        s->exit = sim_alloc(size);
        if (s->exit)
            memcpy(s->exit, data, size);
        if (s->callback)
            post_exit(s);
        WakeAllConditionVariable(&s->changed);
    }
    ReleaseSRWLockExclusive(&s->lock);
}

static void on_lost(sim_object *object)
{
    subject *s = (subject *)object;

    AcquireSRWLockExclusive(&s->lock);
    s->lost = TRUE;
    if (s->callback)
        subject_post_event(s, s->callback, s->context, EVENT_SERVICE_DISCONNECT, "", NULL);
    WakeAllConditionVariable(&s->changed);
    ReleaseSRWLockExclusive(&s->lock);
}

static void destroy(sim_object *object)
{
    subject *s = (subject *)object;

    sim_close_streams(&s->information);
    sim_free(s->exit);
    sim_free(s);
}

static const sim_class subject_class = {on_event, on_lost, destroy};

subject *subject_new(sim_kind kind, UINT32 epoch, HANDLE *handle)
{
    subject *s = sim_alloc(sizeof *s);

    *handle = NULL;
    if (s)
        *handle = sim_object_add(&s->object, &subject_class, kind, epoch);
    return s;
}

subject *subject_get(HANDLE handle, sim_kind kind)
{
    return (subject *)sim_object_get(handle, kind);
}

void subject_release(subject *s)
{
    if (s)
        sim_object_release(&s->object);
}

static void close_ignored(void *context, sim_reply *reply)
{
    (void)context;
    sim_reply_free(reply);
}

void subject_created(subject *s, HRESULT code)
{
    AcquireSRWLockExclusive(&s->lock);
    s->creating = FALSE;
    BOOL close = s->close_after_create;
    ReleaseSRWLockExclusive(&s->lock);
    // On the reader's thread, so nobody waits for the answer.
    if (close && SUCCEEDED(code))
        sim_send(request_on(s, "HcsCloseComputeSystem"), s->object.epoch, close_ignored, NULL);
}

void subject_close(HANDLE handle, sim_kind kind)
{
    subject *s = (subject *)sim_object_close(handle, kind);

    if (!s)
        return;
    AcquireSRWLockExclusive(&s->lock);
    s->closed = TRUE;
    s->close_after_create = s->creating;
    BOOL now = !s->creating;
    WakeAllConditionVariable(&s->changed);
    ReleaseSRWLockExclusive(&s->lock);
    // Waits for the answer, so that a system that goes with its last handle is gone when the close returns.
    if (now)
        sim_call(request_on(s, request_name(s, "HcsCloseComputeSystem", "HcsCloseProcess")), s->object.epoch, NULL);
    subject_release(s);
}

void subject_abandon(HANDLE handle, sim_kind kind)
{
    subject_release((subject *)sim_object_close(handle, kind));
}

// Asks the service, once, to report the exit. It reports one that lies in the past too.
static HRESULT watch(subject *s)
{
    HRESULT code = S_OK;

    AcquireSRWLockExclusive(&s->watch_lock);
    if (!s->watched) {
        sim_request *request = request_on(s, request_name(s, "HcsWatchComputeSystem", "HcsWatchProcess"));
        code = sim_call(request, s->object.epoch, NULL);
        s->watched = SUCCEEDED(code);
    }
    ReleaseSRWLockExclusive(&s->watch_lock);
    return code;
}

// A NULL callback takes back the one before [assumed].
HRESULT subject_set_callback(subject *s, DWORD options, void *context, HCS_EVENT_CALLBACK callback)
{
    AcquireSRWLockExclusive(&s->lock);
    BOOL refuse = s->callback && callback;
    if (!refuse) {
        s->callback = callback;
        s->context = context;
        s->options = options;
        if (callback && s->ended)
            post_exit(s);
    }
    BOOL lost = s->lost;
    ReleaseSRWLockExclusive(&s->lock);
    if (refuse)
        return CODE_CALLBACK_ALREADY_SET;
    if (!callback)
        return S_OK;
    HRESULT code = lost ? CODE_SERVICE_DISCONNECT : watch(s);
    if (FAILED(code)) {
        AcquireSRWLockExclusive(&s->lock);
        s->callback = NULL;
        ReleaseSRWLockExclusive(&s->lock);
    }
    return code;
}

HRESULT subject_wait_exit(subject *s, DWORD ms, PWSTR *result)
{
    ULONGLONG end = GetTickCount64() + ms;

    if (result)
        *result = NULL;
    HRESULT code = watch(s);
    if (FAILED(code))
        return code;
    AcquireSRWLockExclusive(&s->lock);
    while (!s->ended && !s->lost && !s->closed) {
        ULONGLONG now = GetTickCount64();
        if (ms != INFINITE && now >= end)
            break;
        SleepConditionVariableSRW(&s->changed, &s->lock, ms == INFINITE ? INFINITE : (DWORD)(end - now), 0);
    }
    if (s->ended) {
        code = S_OK;
        if (result)
            *result = sim_out_text(s->exit);
    } else if (s->lost) {
        code = CODE_SERVICE_DISCONNECT;
    } else {
        code = s->closed ? CODE_INVALID_HANDLE : CODE_OPERATION_TIMEOUT;
    }
    ReleaseSRWLockExclusive(&s->lock);
    return code;
}

void subject_take_information(subject *s, HCS_PROCESS_INFORMATION *information)
{
    AcquireSRWLockExclusive(&s->lock);
    *information = s->information;
    ZeroMemory(s->information.standard, sizeof s->information.standard);
    ReleaseSRWLockExclusive(&s->lock);
}
