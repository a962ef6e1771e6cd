// Which handles are links. Wine has no handle for one, so that a link's is one of the drive, with its path kept here.
#include "node.h"

static SRWLOCK lock = SRWLOCK_INIT;
static NtClose_t real_NtClose;

typedef struct entry {
    struct entry *next;
    HANDLE handle;
    BOOL remove; // at its close
    char path[];
} entry;

static entry *volatile entries;

static entry *make(HANDLE handle, const char *path, BOOL remove)
{
    ULONG length = text8_length(path);
    entry *e = memory_get(sizeof *e + length + 1);

    if (e) {
        e->handle = handle;
        e->remove = remove;
        memcpy(e->path, path, length + 1);
    }
    return e;
}

BOOL link_keep(HANDLE handle, const char *path, BOOL remove)
{
    entry *e = make(handle, path, remove);

    if (!e)
        return FALSE;
    AcquireSRWLockExclusive(&lock);
    e->next = entries;
    entries = e;
    ReleaseSRWLockExclusive(&lock);
    return TRUE;
}

BOOL link_find(HANDLE handle, char *path)
{
    BOOL found = FALSE;

    if (!entries)
        return FALSE;
    AcquireSRWLockShared(&lock);
    for (const entry *e = entries; e && !found; e = e->next)
        if (e->handle == handle) {
            memcpy(path, e->path, text8_length(e->path) + 1);
            found = TRUE;
        }
    ReleaseSRWLockShared(&lock);
    return found;
}

void link_removed_at_close(HANDLE handle, BOOL remove)
{
    AcquireSRWLockExclusive(&lock);
    for (entry *e = entries; e; e = e->next)
        if (e->handle == handle)
            e->remove = remove;
    ReleaseSRWLockExclusive(&lock);
}

// Takes the handle's entry out; the caller frees it.
static entry *take(HANDLE handle)
{
    entry *found = NULL;

    AcquireSRWLockExclusive(&lock);
    for (entry **at = (entry **)&entries; *at && !found; at = found ? at : &(*at)->next)
        if ((*at)->handle == handle) {
            found = *at;
            *at = found->next;
            break;
        }
    ReleaseSRWLockExclusive(&lock);
    return found;
}

void link_moved(HANDLE handle, const char *path)
{
    entry *old = take(handle);

    if (old)
        link_keep(handle, path, old->remove);
    memory_free(old);
}

static NTSTATUS NTAPI hook_NtClose(HANDLE handle)
{
    entry *e = entries ? take(handle) : NULL;

    list_forget(handle);
    socket_forget(handle);
    NTSTATUS status = real_NtClose(handle);
    if (e && e->remove)
        linux_unlink(e->path);
    memory_free(e);
    return status;
}

void hook_close(void)
{
    patch_syscall("NtClose", hook_NtClose, (void **)&real_NtClose);
}
