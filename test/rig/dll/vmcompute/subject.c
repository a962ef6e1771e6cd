// The life of a handle on a compute system or a process.
#include "v1.h"

#include <string.h>

HRESULT v1_code(HRESULT code)
{
    if (((DWORD)code & 0xFFFF0000) == 0x80370000 && code != CODE_PROCESS_ALREADY_STOPPED)
        return (HRESULT)((DWORD)code | 0xC0000000);
    return code;
}

sim_request *subject_request(const subject *s, const char *name)
{
    sim_request *request = sim_new(name);

    sim_add_utf8(request, ABI);
    sim_add_number(request, s->object.handle);
    return request;
}

static BOOL is_system(const subject *s)
{
    return s->object.kind == SIM_V1_SYSTEM;
}

// How the exit of a system reads as a notification: only an unexpected one is a failure by itself (hcs-api §1.1).
static HRESULT exit_status(const char *document)
{
    LONGLONG status = 0;

    if (sim_json_text_is(document, "ExitType", "UnexpectedExit"))
        return UNEXPECTED_EXIT;
    sim_json_number(document, "Status", &status);
    return (HRESULT)status;
}

static void on_event(sim_object *object, const char *data)
{
    subject *s = (subject *)object;

    if (is_system(s))
        subject_notify(s, NOTE_SYSTEM_EXITED, exit_status(data), data);
    else
        subject_notify(s, NOTE_PROCESS_EXITED, S_OK, data);
}

static void on_lost(sim_object *object)
{
    subject_notify((subject *)object, NOTE_SERVICE_DISCONNECT, v1_code(CODE_SERVICE_DISCONNECT), "");
}

static void free_notes(note *n)
{
    while (n) {
        note *next = n->next;
        sim_free(n->data);
        sim_free(n);
        n = next;
    }
}

static void destroy(sim_object *object)
{
    subject *s = (subject *)object;

    free_notes(s->queue);
    free_notes(s->exit);
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

void subject_abandon(HANDLE handle, sim_kind kind)
{
    subject_release((subject *)sim_object_close(handle, kind));
}

HRESULT subject_watch(subject *s)
{
    HRESULT code = S_OK;

    AcquireSRWLockExclusive(&s->watch_lock);
    if (!s->watched) {
        code = sim_call(subject_request(s, is_system(s) ? "HcsWatchComputeSystem" : "HcsWatchProcess"), s->object.epoch, NULL);
        s->watched = SUCCEEDED(code);
    }
    ReleaseSRWLockExclusive(&s->watch_lock);
    return v1_code(code);
}

static void close_answered(void *context, sim_reply *reply)
{
    (void)context;
    sim_reply_free(reply);
}

// The watch that a registration during the create had to leave for later. Its failure is the create's: no exit would be reported.
static void watch_answered(void *context, sim_reply *reply)
{
    subject *s = context;
    HRESULT code = v1_code(sim_code(reply));

    s->watched = SUCCEEDED(code);
    subject_notify(s, NOTE_CREATE_COMPLETED, code, "");
    sim_reply_free(reply);
    subject_release(s);
}

void subject_created(subject *s, HRESULT code)
{
    AcquireSRWLockExclusive(&s->lock);
    s->creating = FALSE;
    BOOL close = s->close_after_create;
    BOOL watch = s->registrations != NULL;
    ReleaseSRWLockExclusive(&s->lock);
    if (SUCCEEDED(code) && close) {
        sim_send(subject_request(s, "HcsCloseComputeSystem"), s->object.epoch, close_answered, NULL);
    } else if (SUCCEEDED(code) && watch) {
        sim_object_keep(&s->object);
        code = sim_send(subject_request(s, "HcsWatchComputeSystem"), s->object.epoch, watch_answered, s);
        if (SUCCEEDED(code))
            return;
        subject_release(s);
    }
    subject_notify(s, NOTE_CREATE_COMPLETED, v1_code(code), "");
}

HRESULT subject_close(HANDLE handle, sim_kind kind)
{
    subject *s = (subject *)sim_object_close(handle, kind);

    if (!s)
        return CODE_INVALID_HANDLE;
    subject_unregister_all(s);
    AcquireSRWLockExclusive(&s->lock);
    s->close_after_create = s->creating;
    BOOL now = !s->creating;
    ReleaseSRWLockExclusive(&s->lock);
    HRESULT code = S_OK;
    if (now)
        code = sim_call(subject_request(s, is_system(s) ? "HcsCloseComputeSystem" : "HcsCloseProcess"), s->object.epoch, NULL);
    subject_release(s);
    return v1_code(code);
}
