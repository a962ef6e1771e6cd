// Requests that wait for their reply, by id.
#include "client.h"

typedef struct pending {
    struct pending *next;
    UINT32 id;
    UINT32 epoch;
    sim_completion completion;
    void *context;
} pending;

static SRWLOCK lock = SRWLOCK_INIT; // guards all of these
static pending *waiting;
static UINT32 last_id;

static UINT32 enqueue(pending *entry)
{
    AcquireSRWLockExclusive(&lock);
    if (!++last_id) // 0 is an event's
        last_id = 1;
    entry->id = last_id;
    entry->next = waiting;
    waiting = entry;
    ReleaseSRWLockExclusive(&lock);
    return entry->id;
}

HRESULT sim_send(sim_request *request, UINT32 epoch, sim_completion completion, void *context)
{
    HRESULT code = request && !request->failed ? S_OK : CODE_OUT_OF_MEMORY;
    pending *entry = sim_alloc(sizeof *entry);
    SOCKET socket = INVALID_SOCKET;

    if (!entry)
        code = CODE_OUT_OF_MEMORY;
    if (SUCCEEDED(code) && epoch == SIM_ANY_EPOCH)
        code = sim_connect(&epoch);
    if (SUCCEEDED(code)) {
        socket = connection_begin_write(epoch);
        if (socket == INVALID_SOCKET)
            code = CODE_SERVICE_DISCONNECT;
    }
    if (SUCCEEDED(code)) {
        // Registered before it is written: the reply may be here before the write returns. Registered with the connection held:
        // a loss after this fails the entry, a loss before it was seen above.
        entry->epoch = epoch;
        entry->completion = completion;
        entry->context = context;
        UINT32 id = enqueue(entry);
        connection_end_write(request_write(request, socket, id));
    } else {
        sim_free(entry);
    }
    sim_request_free(request);
    return code;
}

void request_replied(UINT32 id, sim_reply *reply)
{
    pending *entry;

    AcquireSRWLockExclusive(&lock);
    pending **link = &waiting;
    while (*link && (*link)->id != id)
        link = &(*link)->next;
    entry = *link;
    if (entry)
        *link = entry->next;
    ReleaseSRWLockExclusive(&lock);
    if (!entry) { // failed already: the service restarted while it worked on this
        sim_reply_free(reply);
        return;
    }
    entry->completion(entry->context, reply);
    sim_free(entry);
}

void request_service_lost(UINT32 epoch)
{
    pending *lost = NULL;

    AcquireSRWLockExclusive(&lock);
    for (pending **link = &waiting; *link;) {
        pending *entry = *link;
        if (entry->epoch > epoch) {
            link = &entry->next;
            continue;
        }
        *link = entry->next;
        entry->next = lost;
        lost = entry;
    }
    ReleaseSRWLockExclusive(&lock);
    while (lost) {
        pending *entry = lost;
        lost = entry->next;
        entry->completion(entry->context, reply_of_code(CODE_SERVICE_DISCONNECT));
        sim_free(entry);
    }
}

// A caller that waits. It lives on that caller's stack: once "done" is seen under the lock nobody else touches it.
typedef struct call {
    SRWLOCK lock;
    CONDITION_VARIABLE changed;
    BOOL done;
    sim_reply *reply;
} call;

static void call_done(void *context, sim_reply *reply)
{
    call *call = context;

    AcquireSRWLockExclusive(&call->lock);
    call->reply = reply;
    call->done = TRUE;
    WakeConditionVariable(&call->changed);
    ReleaseSRWLockExclusive(&call->lock);
}

HRESULT sim_call(sim_request *request, UINT32 epoch, sim_reply **reply)
{
    call call = {SRWLOCK_INIT, CONDITION_VARIABLE_INIT, FALSE, NULL};

    if (reply)
        *reply = NULL;
    HRESULT code = sim_send(request, epoch, call_done, &call);
    if (FAILED(code))
        return code;
    AcquireSRWLockExclusive(&call.lock);
    while (!call.done)
        SleepConditionVariableSRW(&call.changed, &call.lock, INFINITE, 0);
    ReleaseSRWLockExclusive(&call.lock);
    code = sim_code(call.reply);
    if (reply)
        *reply = call.reply;
    else
        sim_reply_free(call.reply);
    return code;
}

HRESULT sim_call_text(sim_request *request, UINT32 epoch, PWSTR *out, PWSTR *error)
{
    sim_reply *reply;

    if (out)
        *out = NULL;
    if (error)
        *error = NULL;
    HRESULT code = sim_call(request, epoch, &reply);
    PWSTR *target = SUCCEEDED(code) ? out : error;
    if (target)
        *target = sim_out_text(sim_field(reply, 0));
    sim_reply_free(reply);
    return code;
}
