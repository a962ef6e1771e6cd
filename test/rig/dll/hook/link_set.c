// Deleting and renaming a link by its handle.
#include "node.h"

#define RENAME_REPLACE 0x1
#define RENAME_POSIX 0x2

// Windows replaces no directory by a rename, a link to one included, unless it is asked to do as POSIX says ([MS-FSA] 2.1.5.15.11).
static NTSTATUS may_replace(const char *from, const char *to, ULONG flags)
{
    linux_stat_t source, target;
    BOOL directory;
    ULONG tag;

    if (linux_lstat(to, &target))
        return 0; // nothing is there
    if (!linux_lstat(from, &source) && source.dev == target.dev && source.ino == target.ino)
        return 0; // another case of the same name
    if (!(flags & RENAME_REPLACE))
        return STATUS_OBJECT_NAME_COLLISION;
    if (LINUX_IS_DIR(target.mode) || (link_look(to, &tag, &directory) && directory && !(flags & RENAME_POSIX)))
        return STATUS_ACCESS_DENIED;
    return 0;
}

static ULONG flags_of(const rename_information *in, ULONG class)
{
    if (class == CLASS_RENAME_EX || class == CLASS_LINK_EX)
        return in->flags;
    return in->flags & 0xFF ? RENAME_REPLACE : 0; // a BOOLEAN
}

NTSTATUS link_in_the_way(const OBJECT_ATTRIBUTES *target, const rename_information *in, ULONG class)
{
    char path[UNIX_PATH_MAX];
    BOOL directory;
    ULONG tag;

    if (!NT_SUCCESS(unix_path(target, FALSE, path)) || !link_look(path, &tag, &directory))
        return 0;
    return may_replace("", path, flags_of(in, class));
}

static NTSTATUS rename_link(HANDLE handle, const char *from, const rename_information *in, ULONG length, ULONG class)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING text;
    char to[UNIX_PATH_MAX];
    name n;
    BOOL hard = class == CLASS_LINK || class == CLASS_LINK_EX;

    if (length < FIELD_OFFSET(rename_information, target) || in->length > length - FIELD_OFFSET(rename_information, target) ||
        in->length > MAXWORD)
        return STATUS_INFO_LENGTH_MISMATCH;
    text.Buffer = (PWSTR)in->target;
    text.Length = text.MaximumLength = (USHORT)in->length;
    InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, in->root, NULL);
    NTSTATUS status = unix_path(name_resolve(&attributes, TRUE, &n), TRUE, to);
    name_free(&n);
    if (NT_SUCCESS(status))
        status = may_replace(from, to, flags_of(in, class));
    if (!NT_SUCCESS(status))
        return status;
    if (hard)
        linux_unlink(to);
    int result = hard ? linux_link(from, to) : linux_rename(from, to);
    if (result)
        return linux_status(result);
    if (!hard)
        link_moved(handle, to);
    return 0;
}

BOOL link_set(HANDLE handle, PIO_STATUS_BLOCK io, const void *information, ULONG length, ULONG class, NTSTATUS *status)
{
    char path[UNIX_PATH_MAX];

    if (!link_find(handle, path))
        return FALSE;
    switch (class) {
    case CLASS_DISPOSITION:
    case CLASS_DISPOSITION_EX:
        *status = length ? 0 : STATUS_INFO_LENGTH_MISMATCH;
        if (length)
            link_removed_at_close(handle, *(const BYTE *)information & DISPOSITION_EX_DELETE);
        break;
    case CLASS_RENAME:
    case CLASS_RENAME_EX:
    case CLASS_LINK:
    case CLASS_LINK_EX:
        *status = rename_link(handle, path, information, length, class);
        break;
    default: // Unix keeps no attributes of a link
        *status = STATUS_NOT_SUPPORTED;
    }
    io->Status = *status;
    io->Information = 0;
    return TRUE;
}
