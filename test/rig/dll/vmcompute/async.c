// Asynchronous calls: the answer is waited for a moment, because a refusal that HCS knows at once is the call's own result; what takes
// longer is pending and ends in a notification. hcs-api §1.1 "Async rule".
#include "v1.h"

#define AT_ONCE_MS 50

typedef struct async {
    LONG references; // the caller and the reply
    SRWLOCK lock;
    CONDITION_VARIABLE changed;
    subject *subject;
    notification completed;
    BOOL pending; // the caller has gone
    BOOL done;
    sim_reply *reply;
} async;

static void release(async *a)
{
    if (InterlockedDecrement(&a->references))
        return;
    sim_reply_free(a->reply);
    subject_release(a->subject);
    sim_free(a);
}

// The end of a pending call. A lost service is told by its own notification alone. A terminate that fails late cannot be told at all:
// the ABI has no notification for it.
static void complete(async *a, HRESULT code)
{
    if (code == v1_code(CODE_SERVICE_DISCONNECT))
        return;
    if (a->completed == NOTE_CREATE_COMPLETED)
        subject_created(a->subject, code);
    else if (a->completed == NOTE_SHUTDOWN_FAILED ? FAILED(code) : a->completed != NOTE_NONE)
        subject_notify(a->subject, a->completed, code, sim_field(a->reply, 0));
}

static void answered(void *context, sim_reply *reply)
{
    async *a = context;

    AcquireSRWLockExclusive(&a->lock);
    a->reply = reply;
    a->done = TRUE;
    BOOL pending = a->pending;
    WakeConditionVariable(&a->changed);
    ReleaseSRWLockExclusive(&a->lock);
    if (pending)
        complete(a, v1_code(sim_code(reply)));
    release(a);
}

HRESULT async_call(subject *s, sim_request *request, notification completed, PWSTR *result)
{
    async *a = sim_alloc(sizeof *a);
    ULONGLONG end = GetTickCount64() + AT_ONCE_MS;

    if (result)
        *result = NULL;
    if (!a) {
        sim_request_free(request);
        return CODE_OUT_OF_MEMORY;
    }
    a->references = 2;
    a->subject = s;
    sim_object_keep(&s->object);
    a->completed = completed;
    HRESULT code = sim_send(request, s->object.epoch, answered, a);
    if (FAILED(code)) {
        a->references = 1;
        release(a);
        return v1_code(code);
    }
    AcquireSRWLockExclusive(&a->lock);
    while (!a->done) {
        ULONGLONG now = GetTickCount64();
        if (now >= end)
            break;
        SleepConditionVariableSRW(&a->changed, &a->lock, (DWORD)(end - now), 0);
    }
    BOOL done = a->done;
    a->pending = !done;
    ReleaseSRWLockExclusive(&a->lock);
    if (done) {
        code = v1_code(sim_code(a->reply));
        if (SUCCEEDED(code))
            complete(a, code);
        else if (result)
            *result = sim_out_text(sim_field(a->reply, 0));
    }
    release(a);
    return FAILED(code) ? code : OPERATION_PENDING;
}
