// Callbacks of clients run on one thread of their own, in the order in which they were posted: not on the reader, which must stay
// free to bring the reply a callback may wait for, and with no lock held.
#include "client.h"

static CONDITION_VARIABLE queued = CONDITION_VARIABLE_INIT;
static CONDITION_VARIABLE finished = CONDITION_VARIABLE_INIT;
static sim_task *head;
static sim_task **tail = &head;
static sim_object *running; // the owner of the callback that runs
static DWORD dispatcher_id; // 0 until the first post

static void discard(sim_task *task)
{
    if (task->discard)
        task->discard(task);
    sim_object_release(task->owner);
    sim_free(task);
}

void dispatch_discard(sim_task *tasks)
{
    while (tasks) {
        sim_task *task = tasks;
        tasks = task->next;
        discard(task);
    }
}

static DWORD WINAPI __attribute__((noreturn)) dispatcher(void *unused)
{
    (void)unused;
    AcquireSRWLockExclusive(&table_lock);
    for (;;) {
        while (!head)
            SleepConditionVariableSRW(&queued, &table_lock, INFINITE, 0);
        sim_task *task = head;
        head = task->next;
        if (!head)
            tail = &head;
        running = task->owner;
        ReleaseSRWLockExclusive(&table_lock);
        task->run(task);
        AcquireSRWLockExclusive(&table_lock);
        running = NULL;
        WakeAllConditionVariable(&finished);
        ReleaseSRWLockExclusive(&table_lock);
        discard(task); // may end an object
        AcquireSRWLockExclusive(&table_lock);
    }
}

static BOOL start_dispatcher(void)
{
    if (dispatcher_id)
        return TRUE;
    HANDLE thread = CreateThread(NULL, 0, dispatcher, NULL, 0, &dispatcher_id);
    if (!thread)
        return FALSE;
    CloseHandle(thread);
    return TRUE;
}

void sim_post(sim_object *owner, sim_task *task)
{
    task->owner = owner;
    task->next = NULL;
    sim_object_keep(owner);
    AcquireSRWLockExclusive(&table_lock);
    BOOL take = !owner->closed && start_dispatcher();
    if (take) {
        *tail = task;
        tail = &task->next;
        WakeConditionVariable(&queued);
    }
    ReleaseSRWLockExclusive(&table_lock);
    if (!take)
        discard(task);
}

sim_task *dispatch_take(sim_object *owner)
{
    sim_task *taken = NULL;

    for (sim_task **link = &head; *link;) {
        sim_task *task = *link;
        if (task->owner != owner) {
            link = &task->next;
            continue;
        }
        *link = task->next;
        task->next = taken;
        taken = task;
    }
    tail = &head;
    while (*tail)
        tail = &(*tail)->next;
    return taken;
}

void dispatch_drain(sim_object *owner)
{
    if (GetCurrentThreadId() == dispatcher_id)
        return; // closed from within its own callback
    AcquireSRWLockExclusive(&table_lock);
    while (running == owner)
        SleepConditionVariableSRW(&finished, &table_lock, INFINITE, 0);
    ReleaseSRWLockExclusive(&table_lock);
}
