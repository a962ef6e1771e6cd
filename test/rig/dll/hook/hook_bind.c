// What bindflt shows at a directory of the host. On Windows the filter shows it to everybody; here the process that has mapped it sees it, which
// is who needs it: dockerd copies files into a container's root and out of it so, at the directory that it has mounted the root on.
#include "hook.h"

typedef struct bind {
    WCHAR *root, *target; // names of the object manager
    ULONG root_length, target_length;
} bind;

#define BINDS_MOST 256 // containers that are mounted at once

static bind binds[BINDS_MOST];
static ULONG used;
static SRWLOCK lock = SRWLOCK_INIT;

static WCHAR *object_name(PCWSTR path, ULONG *length)
{
    name n;
    WCHAR *copy = NULL;

    if (name_of_host(&n, path, text_length(path))) {
        *length = n.text.Length / sizeof(WCHAR);
        copy = memory_get(n.text.Length + sizeof(WCHAR));
        if (copy)
            memcpy(copy, n.text.Buffer, n.text.Length);
    }
    name_free(&n);
    return copy;
}

static BOOL is_root(const bind *b, const WCHAR *root, ULONG length)
{
    return b->root_length == length && text_prefix(b->root, length, root, length);
}

// bindfltapi.dll calls these when the service has taken the mapping, or has removed it.
__declspec(dllexport) void WINAPI HostUnmap(PCWSTR root)
{
    ULONG length = 0;
    WCHAR *text = object_name(root, &length);

    AcquireSRWLockExclusive(&lock);
    for (ULONG i = 0; text && i < used; i++) {
        if (!is_root(&binds[i], text, length))
            continue;
        memory_free(binds[i].root);
        memory_free(binds[i].target);
        binds[i] = binds[--used];
        break;
    }
    ReleaseSRWLockExclusive(&lock);
    memory_free(text);
}

__declspec(dllexport) void WINAPI HostMap(PCWSTR root, PCWSTR target)
{
    bind b = {NULL};

    b.root = object_name(root, &b.root_length);
    b.target = object_name(target, &b.target_length);
    AcquireSRWLockExclusive(&lock);
    if (b.root && b.target && used < BINDS_MOST) {
        binds[used++] = b;
        b.root = b.target = NULL;
    } else {
        report("a mapping of the host is not shown: there are too many");
    }
    ReleaseSRWLockExclusive(&lock);
    memory_free(b.root);
    memory_free(b.target);
}

BOOL bind_name(name *n)
{
    const WCHAR *text = n->text.Buffer;
    ULONG length = n->text.Length / sizeof(WCHAR);
    BOOL changed = FALSE;

    if (!used)
        return FALSE;
    AcquireSRWLockShared(&lock);
    for (ULONG i = 0; i < used && !changed; i++) {
        const bind *b = &binds[i];
        if (text_prefix(text, length, b->root, b->root_length) && (length == b->root_length || text[b->root_length] == L'\\'))
            changed = name_set(n, b->target, b->target_length, text + b->root_length, length - b->root_length);
    }
    ReleaseSRWLockShared(&lock);
    return changed;
}
