// The sockets that a program took for Unix sockets, and what they are called.
#include "unix_socket.h"

typedef struct entry {
    struct entry *next;
    unix_socket s;
} entry;

static SRWLOCK lock = SRWLOCK_INIT;
static entry *volatile entries;

BOOL unix_add(SOCKET handle)
{
    entry *e = memory_get(sizeof *e);

    if (!e)
        return FALSE;
    e->s.handle = handle;
    AcquireSRWLockExclusive(&lock);
    e->next = entries;
    entries = e;
    ReleaseSRWLockExclusive(&lock);
    return TRUE;
}

BOOL unix_get(SOCKET handle, unix_socket *out)
{
    BOOL found = FALSE;

    if (!entries)
        return FALSE;
    AcquireSRWLockShared(&lock);
    for (const entry *e = entries; e && !found; e = e->next)
        if (e->s.handle == handle) {
            *out = e->s;
            found = TRUE;
        }
    ReleaseSRWLockShared(&lock);
    return found;
}

void unix_put(const unix_socket *s)
{
    AcquireSRWLockExclusive(&lock);
    for (entry *e = entries; e; e = e->next)
        if (e->s.handle == s->handle)
            e->s = *s;
    ReleaseSRWLockExclusive(&lock);
}

BOOL unix_listener(ULONG address, USHORT port, unix_socket *out)
{
    BOOL found = FALSE;

    if (!entries)
        return FALSE;
    AcquireSRWLockShared(&lock);
    for (const entry *e = entries; e && !found; e = e->next)
        if (e->s.port && e->s.port == port && e->s.address == address) {
            *out = e->s;
            found = TRUE;
        }
    ReleaseSRWLockShared(&lock);
    return found;
}

void socket_forget(HANDLE socket)
{
    if (!entries)
        return;
    AcquireSRWLockExclusive(&lock);
    for (entry **at = (entry **)&entries; *at; at = &(*at)->next)
        if ((*at)->s.handle == (SOCKET)socket) {
            entry *e = *at;
            *at = e->next;
            memory_free(e);
            break;
        }
    ReleaseSRWLockExclusive(&lock);
}
