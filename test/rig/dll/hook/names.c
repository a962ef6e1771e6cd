// A name on its way to the file system. Only full names of the DOS devices directory are looked at; what is opened relative to a
// directory handle is where that directory is.
#include "node.h"

#define PREFIX L"\\??\\"
#define PREFIX_LENGTH 4

// \??\Volume{guid}: Wine names volumes so and cannot open them (hcs-api §8.3). It makes the guid of a drive from its letter; all
// others are the simulator's volumes.
#define VOLUME L"\\??\\Volume{"
#define VOLUME_LENGTH 11
#define GUID_LENGTH 36
#define DRIVE_GUID L"00000000-0000-0000-0000-0000000000"
#define DRIVE_GUID_LENGTH 34
#define VOLUMES L"\\??\\C:\\hcssim\\volumes\\"

BOOL name_set(name *n, const WCHAR *first, ULONG first_length, const WCHAR *second, ULONG second_length)
{
    ULONG length = first_length + second_length;
    WCHAR *target = n->buffer;
    WCHAR *old = n->heap;

    if (length * sizeof(WCHAR) > MAXWORD - sizeof(WCHAR))
        return FALSE;
    // A part may come from the text as it is now, so that one is not written over.
    if (length > ARRAYSIZE(n->buffer) || n->text.Buffer == n->buffer) {
        target = memory_get((length + 1) * sizeof(WCHAR));
        if (!target)
            return FALSE;
        n->heap = target;
    } else if (old) {
        n->heap = NULL;
    }
    memcpy(target, first, first_length * sizeof(WCHAR));
    memcpy(target + first_length, second, second_length * sizeof(WCHAR));
    n->text.Buffer = target;
    n->text.Length = n->text.MaximumLength = (USHORT)(length * sizeof(WCHAR));
    memory_free(old);
    return TRUE;
}

static int hex(WCHAR c)
{
    if (c >= L'0' && c <= L'9')
        return c - L'0';
    c |= 32;
    return c >= L'a' && c <= L'f' ? c - L'a' + 10 : -1;
}

static BOOL volume_to_path(name *n)
{
    const WCHAR *text = n->text.Buffer;
    ULONG length = n->text.Length / sizeof(WCHAR);
    const WCHAR *guid = text + VOLUME_LENGTH;
    const WCHAR *rest = guid + GUID_LENGTH + 1;
    WCHAR drive[] = PREFIX L"?:";

    if (length < VOLUME_LENGTH + GUID_LENGTH + 1 || !text_prefix(text, length, VOLUME, VOLUME_LENGTH) || guid[GUID_LENGTH] != L'}')
        return FALSE;
    ULONG left = length - (ULONG)(rest - text);
    if (text_prefix(guid, GUID_LENGTH, DRIVE_GUID, DRIVE_GUID_LENGTH)) {
        int high = hex(guid[DRIVE_GUID_LENGTH]);
        int low = hex(guid[DRIVE_GUID_LENGTH + 1]);
        if (high < 0 || low < 0)
            return FALSE;
        drive[PREFIX_LENGTH] = (WCHAR)(high * 16 + low);
        return name_set(n, drive, PREFIX_LENGTH + 2, rest, left);
    }
    // With its braces, as the service names the directory.
    return name_set(n, VOLUMES, ARRAYSIZE(VOLUMES) - 1, guid - 1, length - VOLUME_LENGTH + 1);
}

BOOL name_of_host(name *n, const WCHAR *path, ULONG length)
{
    n->heap = NULL;
    n->text.Buffer = NULL;
    if (text_prefix(path, length, L"\\\\?\\", 4) || text_prefix(path, length, L"\\\\.\\", 4)) {
        path += 4;
        length -= 4;
    }
    if (!name_set(n, PREFIX, PREFIX_LENGTH, path, length))
        return FALSE;
    volume_to_path(n);
    while (n->text.Length && n->text.Buffer[n->text.Length / sizeof(WCHAR) - 1] == L'\\')
        n->text.Length -= sizeof(WCHAR);
    return TRUE;
}

OBJECT_ATTRIBUTES *name_resolve(OBJECT_ATTRIBUTES *attributes, BOOL writes, name *n)
{
    n->heap = NULL;
    n->read_only = FALSE;
    if (!attributes)
        return attributes;
    if (attributes->RootDirectory) {
        n->read_only = writes && view_active() && view_handle_read_only(attributes->RootDirectory);
        return attributes;
    }
    if (!attributes->ObjectName || !attributes->ObjectName->Buffer)
        return attributes;
    n->text = *attributes->ObjectName;
    if (!text_prefix(n->text.Buffer, n->text.Length / sizeof(WCHAR), PREFIX, PREFIX_LENGTH))
        return attributes;
    BOOL changed = FALSE;
    if (view_active())
        changed = view_pipe(n) || view_mount(n) || view_volume(n, writes);
    else if (node_active())
        changed = node_name(n);
    if (!view_active() && bind_name(n))
        changed = TRUE;
    // A mount's host path can be a volume name.
    if (volume_to_path(n))
        changed = TRUE;
    if (!changed)
        return attributes;
    n->attributes = *attributes;
    n->attributes.ObjectName = &n->text;
    return &n->attributes;
}

void name_free(name *n)
{
    memory_free(n->heap);
}
