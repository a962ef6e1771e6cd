// What a container's process sees as drive C:, from its environment (set by the service, test/rig/simd/winhost):
//
//	HCSSIM_ROOT    directory of the container's merged volume
//	HCSSIM_MOUNTS  CONTAINER PATH>HOST PATH, joined by "|", a leading "-" for read-only
//	HCSSIM_PIPES   CONTAINER PIPE NAME>HOST PIPE PATH, joined by "|"
//	HCSSIM_CWD     working directory as the container names it
//
// With them come HCSSIM_ADDRESS (hook_socket.c) and HCSSIM_HOSTNAME (hook_hostname.c).
//
// A name is looked for in the mounts, longest first, then in the volume, then on the real drive, whose Windows directory stands for
// the base image's. What is made or changed goes into the volume when its directory is there. A directory shows what the one place
// that was chosen holds.
#include "hook.h"

#define PREFIX_LENGTH 4 // \??\, as in names.c
#define OBJECT_NAME 1    // class of NtQueryObject

typedef struct mapping {
    const WCHAR *from; // as the container names it
    ULONG from_length;
    WCHAR *to; // name of the object manager
    ULONG to_length;
    BOOL read_only;
} mapping;

typedef struct mapping_list {
    mapping *entries;
    ULONG count;
} mapping_list;

static BOOL active;
static WCHAR *root; // name of the object manager, NULL for none
static ULONG root_length;
static mapping_list mounts;
static mapping_list pipes;
static BOOL read_only_mounts;

static WCHAR *host_name(const WCHAR *path, ULONG length, ULONG *out_length)
{
    name n;
    WCHAR *text = NULL;

    if (name_of_host(&n, path, length)) {
        text = memory_get(n.text.Length + sizeof(WCHAR));
        if (text) {
            memcpy(text, n.text.Buffer, n.text.Length);
            *out_length = n.text.Length / sizeof(WCHAR);
        }
        name_free(&n);
    }
    return text;
}

// One entry, FROM>TO. An entry that cannot be read is reported: the container would see something else than it should.
static void parse_entry(const WCHAR *text, ULONG length, mapping_list *list)
{
    ULONG split = 0;
    mapping *m = &list->entries[list->count];

    m->read_only = length && *text == L'-';
    if (m->read_only) {
        text++;
        length--;
    }
    while (split < length && text[split] != L'>')
        split++;
    if (!split || split + 1 >= length) {
        report("HCSSIM_MOUNTS or HCSSIM_PIPES has an entry without \">\"");
        return;
    }
    m->from = text;
    m->from_length = split;
    while (m->from_length && m->from[m->from_length - 1] == L'\\')
        m->from_length--;
    m->to = host_name(text + split + 1, length - split - 1, &m->to_length);
    if (m->to)
        list->count++;
}

static void parse_list(const WCHAR *text, mapping_list *list)
{
    ULONG count = 1;

    if (!text)
        return;
    for (const WCHAR *c = text; *c; c++)
        count += *c == L'|';
    list->entries = memory_get(count * sizeof *list->entries);
    if (!list->entries)
        return;
    while (*text) {
        ULONG length = 0;
        while (text[length] && text[length] != L'|')
            length++;
        parse_entry(text, length, list);
        text += length;
        text += *text == L'|';
    }
}

BOOL view_load(void)
{
    const WCHAR *volume = view_variable(VIEW_ROOT);

    if (volume)
        root = host_name(volume, text_length(volume), &root_length);
    parse_list(view_variable(VIEW_MOUNTS), &mounts);
    parse_list(view_variable(VIEW_PIPES), &pipes);
    for (ULONG i = 0; i < mounts.count; i++)
        read_only_mounts |= mounts.entries[i].read_only;
    active = root || mounts.count || pipes.count;
    return active;
}

BOOL view_active(void)
{
    return active;
}

// Where the part of a name below drive C: begins, at its backslash; 0 when it is none. A program that writes /dir/file means that
// drive too, while Wine takes it for a Unix file, on drive Z: or by its Unix name; a container has no drive Z:.
static ULONG drive_part(const name *n)
{
    const WCHAR *text = n->text.Buffer;
    ULONG length = n->text.Length / sizeof(WCHAR);

    if (text_prefix(text, length, L"\\??\\C:\\", 7) || text_prefix(text, length, L"\\??\\Z:\\", 7))
        return 6;
    if (text_prefix(text, length, L"\\??\\unix\\", 9))
        return 8;
    return 0;
}

// Whether "directory" is a name's beginning that ends with a whole component.
static BOOL below(const WCHAR *text, ULONG length, const WCHAR *directory, ULONG directory_length)
{
    return text_prefix(text, length, directory, directory_length) && (length == directory_length || text[directory_length] == L'\\');
}

BOOL view_mount(name *n)
{
    const mapping *best = NULL;
    ULONG rest = 0;
    const WCHAR *text = n->text.Buffer;
    ULONG length = n->text.Length / sizeof(WCHAR);
    ULONG drive = drive_part(n);

    for (ULONG i = 0; i < mounts.count; i++) {
        const mapping *m = &mounts.entries[i];
        BOOL on_c = text_prefix(m->from, m->from_length, L"C:", 2);
        ULONG at = on_c && drive ? drive : PREFIX_LENGTH;
        ULONG skip = on_c && drive ? 2 : 0; // compared from the backslash on
        if (best && best->from_length >= m->from_length)
            continue;
        if (!below(text + at, length - at, m->from + skip, m->from_length - skip))
            continue;
        best = m;
        rest = at + m->from_length - skip;
    }
    if (!best || !name_set(n, best->to, best->to_length, text + rest, length - rest))
        return FALSE;
    n->read_only = best->read_only;
    return TRUE;
}

// Names relative to a directory handle come without the mount that it was opened through, so that the handle's own name decides: it
// is read-only below a read-only mount's host directory, unless a mount that can be written leads there as closely.
BOOL view_handle_read_only(HANDLE directory)
{
    struct {
        UNICODE_STRING text;
        WCHAR buffer[1000];
    } object;
    const mapping *best = NULL;
    ULONG size;

    if (!read_only_mounts || !NT_SUCCESS(NtQueryObject(directory, OBJECT_NAME, &object, sizeof object, &size)))
        return FALSE;
    for (ULONG i = 0; i < mounts.count; i++) {
        const mapping *m = &mounts.entries[i];
        if (!below(object.text.Buffer, object.text.Length / sizeof(WCHAR), m->to, m->to_length))
            continue;
        if (!best || m->to_length > best->to_length || (m->to_length == best->to_length && !m->read_only))
            best = m;
    }
    return best && best->read_only;
}

static BOOL exists(const name *n, ULONG length)
{
    basic_information information;
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING text = n->text;

    text.Length = text.MaximumLength = (USHORT)(length * sizeof(WCHAR));
    InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return NT_SUCCESS(real_NtQueryAttributesFile(&attributes, &information));
}

BOOL view_volume(name *n, BOOL writes)
{
    const WCHAR *text = n->text.Buffer;
    ULONG length = n->text.Length / sizeof(WCHAR);
    ULONG at = drive_part(n);
    name candidate = {.heap = NULL};

    if (!root || !at)
        return FALSE;
    // The service's own files, and a name that has been through here.
    if (below(text, length, L"\\??\\C:\\hcssim", 13))
        return FALSE;
    if (length == at + 1) // the drive's root
        length--;
    if (!name_set(&candidate, root, root_length, text + at, length - at))
        return FALSE;
    ULONG whole = candidate.text.Length / sizeof(WCHAR);
    ULONG parent = whole;
    while (parent > root_length && candidate.text.Buffer[parent - 1] == L'\\')
        parent--; // a directory may be named with a backslash at its end
    while (parent > root_length && candidate.text.Buffer[parent - 1] != L'\\')
        parent--;
    if (parent > root_length)
        parent--; // without its backslash
    // What is nowhere is looked for in the volume, so that the error is that of the directory which the container sees.
    BOOL take = exists(&candidate, whole) || (exists(&candidate, parent) && (writes || !exists(n, length)));
    if (take)
        take = name_set(n, candidate.text.Buffer, whole, L"", 0);
    name_free(&candidate);
    return take;
}

BOOL view_pipe(name *n)
{
    const WCHAR *text = n->text.Buffer;
    ULONG length = n->text.Length / sizeof(WCHAR);
    const ULONG at = 9; // \??\pipe\ .

    if (!pipes.count || !text_prefix(text, length, L"\\??\\pipe\\", at))
        return FALSE;
    for (ULONG i = 0; i < pipes.count; i++) {
        const mapping *p = &pipes.entries[i];
        if (length - at == p->from_length && text_prefix(text + at, length - at, p->from, p->from_length))
            return name_set(n, p->to, p->to_length, L"", 0);
    }
    return FALSE;
}
