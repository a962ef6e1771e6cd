// The table of open handles.
#include "client.h"

#define BUCKETS 256
#define FIRST_HANDLE 0x10000 // not a plausible kernel handle or small number, so that a mixed-up one is refused
#define HANDLE_STEP 4

SRWLOCK table_lock = SRWLOCK_INIT;
static sim_object *table[BUCKETS];
static UINT64 last_handle = FIRST_HANDLE;

static sim_object **bucket(UINT64 handle)
{
    return &table[handle / HANDLE_STEP % BUCKETS];
}

static sim_object *find(UINT64 handle)
{
    for (sim_object *object = *bucket(handle); object; object = object->next)
        if (object->handle == handle)
            return object;
    return NULL;
}

HANDLE sim_object_add(sim_object *object, const sim_class *class, sim_kind kind, UINT32 epoch)
{
    object->class = class;
    object->kind = kind;
    object->epoch = epoch;
    object->references = 2;
    AcquireSRWLockExclusive(&table_lock);
    object->handle = last_handle += HANDLE_STEP;
    sim_object **head = bucket(object->handle);
    object->next = *head;
    *head = object;
    ReleaseSRWLockExclusive(&table_lock);
    return (HANDLE)(ULONG_PTR)object->handle;
}

sim_object *sim_object_get(HANDLE handle, sim_kind kind)
{
    AcquireSRWLockShared(&table_lock);
    sim_object *object = find((ULONG_PTR)handle);
    if (object && object->kind == kind)
        sim_object_keep(object);
    else
        object = NULL;
    ReleaseSRWLockShared(&table_lock);
    return object;
}

sim_object *object_of_event(UINT64 handle)
{
    AcquireSRWLockShared(&table_lock);
    sim_object *object = find(handle);
    if (object)
        sim_object_keep(object);
    ReleaseSRWLockShared(&table_lock);
    return object;
}

void sim_object_keep(sim_object *object)
{
    InterlockedIncrement(&object->references);
}

void sim_object_release(sim_object *object)
{
    if (object && !InterlockedDecrement(&object->references))
        object->class->destroy(object);
}

sim_object *sim_object_close(HANDLE handle, sim_kind kind)
{
    sim_task *dropped = NULL;

    AcquireSRWLockExclusive(&table_lock);
    sim_object *object = find((ULONG_PTR)handle);
    if (object && object->kind == kind) {
        sim_object **link = bucket(object->handle);
        while (*link != object)
            link = &(*link)->next;
        *link = object->next;
        object->closed = TRUE;
        dropped = dispatch_take(object);
    } else {
        object = NULL;
    }
    ReleaseSRWLockExclusive(&table_lock);
    dispatch_discard(dropped);
    if (object)
        dispatch_drain(object);
    return object;
}

// One object after the other, without the lock: what an object does about its loss takes the lock again. The walk starts over after
// each and ends because "lost" moves the object to an epoch that never comes.
void objects_lost(UINT32 epoch)
{
    for (;;) {
        sim_object *object = NULL;
        AcquireSRWLockExclusive(&table_lock);
        for (int i = 0; i < BUCKETS && !object; i++)
            for (object = table[i]; object && object->epoch > epoch; object = object->next)
                ;
        if (object) {
            object->epoch = MAXUINT32;
            sim_object_keep(object);
        }
        ReleaseSRWLockExclusive(&table_lock);
        if (!object)
            return;
        if (object->class->lost)
            object->class->lost(object);
        sim_object_release(object);
    }
}
