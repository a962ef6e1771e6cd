// Notifications and who is told. A client creates a system and registers afterwards, so what happened before the registration is
// queued: completions go to the first who registers, an exit or the loss of the service to everyone, once. hcs-api §1.1.
#include "v1.h"

#include <string.h>

// Its own object, so that unregistering drains exactly the callbacks of this registration.
struct registration {
    sim_object object;
    subject *subject; // kept
    registration *next;
    HCS_NOTIFICATION_CALLBACK callback;
    void *context;
};

typedef struct note_task {
    sim_task task;
    registration *registration;
    DWORD type;
    HRESULT status;
    PWSTR data;
} note_task;

static void run_note(sim_task *task)
{
    note_task *n = (note_task *)task;
    n->registration->callback(n->type, n->registration->context, n->status, n->data ? n->data : L"");
}

static void discard_note(sim_task *task)
{
    sim_free(((note_task *)task)->data);
}

static void post(registration *r, notification type, HRESULT status, const char *data)
{
    note_task *n = sim_alloc(sizeof *n);

    if (!n)
        return; // nothing of the ABI could tell
    n->task.run = run_note;
    n->task.discard = discard_note;
    n->registration = r;
    n->type = type;
    n->status = status;
    n->data = sim_wide(data);
    sim_post(&r->object, &n->task);
}

static note *new_note(notification type, HRESULT status, const char *data)
{
    size_t size = strlen(data) + 1;
    note *n = sim_alloc(sizeof *n);

    if (!n)
        return NULL;
    n->type = type;
    n->status = status;
    n->data = sim_alloc(size);
    if (n->data)
        memcpy(n->data, data, size);
    return n;
}

void subject_notify(subject *s, notification type, HRESULT status, const char *data)
{
    AcquireSRWLockExclusive(&s->lock);
    for (registration *r = s->registrations; r; r = r->next)
        post(r, type, status, data);
    if (type == NOTE_SYSTEM_EXITED || type == NOTE_PROCESS_EXITED) {
        if (!s->exit)
            s->exit = new_note(type, status, data);
    } else if (type == NOTE_SERVICE_DISCONNECT) {
        s->lost = TRUE;
    } else if (!s->registrations) {
        note **end = &s->queue;
        while (*end)
            end = &(*end)->next;
        *end = new_note(type, status, data);
    }
    ReleaseSRWLockExclusive(&s->lock);
}

static void destroy(sim_object *object)
{
    registration *r = (registration *)object;

    subject_release(r->subject);
    sim_free(r);
}

static const sim_class registration_class = {NULL, NULL, destroy};

static void add(subject *s, registration *r)
{
    AcquireSRWLockExclusive(&s->lock);
    r->next = s->registrations;
    s->registrations = r;
    while (s->queue) {
        note *n = s->queue;
        s->queue = n->next;
        post(r, n->type, n->status, n->data);
        sim_free(n->data);
        sim_free(n);
    }
    if (s->exit)
        post(r, s->exit->type, s->exit->status, s->exit->data);
    if (s->lost)
        post(r, NOTE_SERVICE_DISCONNECT, v1_code(CODE_SERVICE_DISCONNECT), "");
    ReleaseSRWLockExclusive(&s->lock);
}

static void remove_from(subject *s, registration *r)
{
    AcquireSRWLockExclusive(&s->lock);
    for (registration **link = &s->registrations; *link; link = &(*link)->next) {
        if (*link == r) {
            *link = r->next;
            break;
        }
    }
    ReleaseSRWLockExclusive(&s->lock);
}

HRESULT subject_register(subject *s, sim_kind kind, HCS_NOTIFICATION_CALLBACK callback, void *context, HCS_CALLBACK *handle)
{
    if (!callback || !handle)
        return CODE_INVALID_ARGUMENT;
    *handle = NULL;
    registration *r = sim_alloc(sizeof *r);
    if (!r)
        return CODE_OUT_OF_MEMORY;
    r->subject = s;
    sim_object_keep(&s->object);
    r->callback = callback;
    r->context = context;
    // No epoch: it is told of a loss by its subject.
    HANDLE made = sim_object_add(&r->object, &registration_class, kind, MAXUINT32);
    add(s, r);
    AcquireSRWLockExclusive(&s->lock);
    BOOL creating = s->creating; // then subject_created asks, because the service does not know the handle yet
    BOOL lost = s->lost;
    ReleaseSRWLockExclusive(&s->lock);
    HRESULT code = creating || lost ? S_OK : subject_watch(s);
    if (SUCCEEDED(code))
        *handle = made;
    else
        subject_unregister(made, kind);
    sim_object_release(&r->object);
    return code;
}

// A client that closes without unregistering hears nothing after the close either.
void subject_unregister_all(subject *s)
{
    for (;;) {
        AcquireSRWLockExclusive(&s->lock);
        registration *r = s->registrations;
        HANDLE handle = r ? (HANDLE)(ULONG_PTR)r->object.handle : NULL;
        sim_kind kind = r ? r->object.kind : 0;
        ReleaseSRWLockExclusive(&s->lock);
        // Somebody else may unregister it at the same moment, and then finishes that.
        if (!handle || FAILED(subject_unregister(handle, kind)))
            return;
    }
}

HRESULT subject_unregister(HCS_CALLBACK handle, sim_kind kind)
{
    registration *r = (registration *)sim_object_close(handle, kind);

    if (!r)
        return CODE_INVALID_HANDLE;
    remove_from(r->subject, r);
    sim_object_release(&r->object);
    return S_OK;
}
