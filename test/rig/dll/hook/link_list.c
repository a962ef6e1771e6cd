// Directories: Wine lists a link as what it leads to, and leaves out those that lead nowhere. The first are corrected, the others come last.
#include "node.h"

#define OBJECT_NAME 1
#define TYPE_LINK 10 // DT_LNK

static NtQueryDirectoryFile_t real_NtQueryDirectoryFile;

// Where a class of NtQueryDirectoryFile has what; 0 for what it has not. All begin with the offset of the next entry.
typedef struct layout {
    ULONG class;
    ULONG times, attributes, ea_size, id, name_length, name;
} layout;

static const layout layouts[] = {
    {1, 8, 56, 0, 0, 60, 64},    // FileDirectoryInformation
    {2, 8, 56, 64, 0, 60, 68},   // FileFullDirectoryInformation
    {3, 8, 56, 64, 0, 60, 94},   // FileBothDirectoryInformation
    {12, 0, 0, 0, 0, 8, 12},     // FileNamesInformation
    {37, 8, 56, 64, 96, 60, 104}, // FileIdBothDirectoryInformation
    {38, 8, 56, 64, 72, 60, 80}, // FileIdFullDirectoryInformation
};

#define CLASS_OF_FIND 3 // FindFirstFile's, which passes on no tag
#define END_OF_FILE 40 // in those that have times
#define ALLOCATED 48

typedef struct dirent64 {
    ULONG64 inode;
    LONG64 offset;
    USHORT length;
    BYTE type;
    char name[];
} dirent64;

// A listing under way of which more is known than Wine knows: its mask, and the names that Wine left out.
typedef struct listing {
    struct listing *next;
    HANDLE directory;
    BOOL scanned;
    WCHAR mask[MAX_PATH]; // empty: everything
    ULONG mask_length;
    WCHAR *names; // each with a terminator, an empty one at the end
    ULONG at;     // of the next to be given
} listing;

static SRWLOCK lock = SRWLOCK_INIT;
static listing *volatile listings;

static const layout *layout_of(ULONG class)
{
    for (ULONG i = 0; i < ARRAYSIZE(layouts); i++)
        if (layouts[i].class == class)
            return &layouts[i];
    return NULL;
}

// Whether a name matches a mask, as FsRtlIsNameInExpression says, DOS's own three characters taken for their simpler kin.
static BOOL matches(const WCHAR *mask, ULONG mask_length, const WCHAR *text, ULONG length)
{
    if (!mask_length)
        return !length;
    if (*mask == L'*' || *mask == L'<') {
        for (ULONG i = 0; i <= length; i++)
            if (matches(mask + 1, mask_length - 1, text + i, length - i))
                return TRUE;
        return FALSE;
    }
    if (!length)
        return FALSE;
    if (*mask != L'?' && *mask != L'>' && !(*mask == L'"' && *text == L'.') && !text_prefix(text, 1, mask, 1))
        return FALSE;
    return matches(mask + 1, mask_length - 1, text + 1, length - 1);
}

static BOOL directory_path(HANDLE directory, char *path)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING empty = {0, 0, NULL};

    InitializeObjectAttributes(&attributes, &empty, OBJ_CASE_INSENSITIVE, directory, NULL);
    return NT_SUCCESS(unix_path(&attributes, FALSE, path));
}

// Adds a file's name to its directory's path.
static BOOL below(char *path, ULONG directory_length, const char *name)
{
    ULONG length = text8_length(name);

    if (directory_length + length + 2 > UNIX_PATH_MAX)
        return FALSE;
    path[directory_length] = '/';
    memcpy(path + directory_length + 1, name, length + 1);
    return TRUE;
}

static void correct(const char *directory, const layout *l, BYTE *entry)
{
    char path[UNIX_PATH_MAX];
    char text[3 * MAX_PATH];
    ULONG length = *(ULONG *)(entry + l->name_length) / sizeof(WCHAR);
    ULONG directory_length = text8_length(directory);
    BOOL is_directory;
    ULONG tag;

    memcpy(path, directory, directory_length);
    if (!l->attributes || !to_utf8((WCHAR *)(entry + l->name), length, text, sizeof text) || !below(path, directory_length, text) ||
        !link_look(path, &tag, &is_directory))
        return;
    *(ULONG *)(entry + l->attributes) = FILE_ATTRIBUTE_REPARSE_POINT | (is_directory ? FILE_ATTRIBUTE_DIRECTORY : FILE_ATTRIBUTE_ARCHIVE);
    if (l->class == CLASS_OF_FIND && tag == TAG_AF_UNIX)
        *(ULONG *)(entry + l->attributes) |= ATTRIBUTE_SOCKET;
    memset(entry + END_OF_FILE, 0, 16);
    if (l->ea_size)
        *(ULONG *)(entry + l->ea_size) = tag;
}

static listing *find(HANDLE directory)
{
    listing *g = listings;

    while (g && g->directory != directory)
        g = g->next;
    return g;
}

static listing *find_or_make(HANDLE directory)
{
    listing *g = find(directory);

    if (!g && (g = memory_get(sizeof *g))) {
        g->directory = directory;
        g->next = listings;
        listings = g;
    }
    return g;
}

void list_forget(HANDLE directory)
{
    if (!listings)
        return;
    AcquireSRWLockExclusive(&lock);
    for (listing **at = (listing **)&listings; *at; at = &(*at)->next)
        if ((*at)->directory == directory) {
            listing *g = *at;
            *at = g->next;
            memory_free(g->names);
            memory_free(g);
            break;
        }
    ReleaseSRWLockExclusive(&lock);
}

// The names of links that lead nowhere, with one pass to count when "out" is NULL.
static ULONG scan(const listing *g, char *directory, WCHAR *out)
{
    BYTE buffer[4096];
    ULONG directory_length = text8_length(directory);
    ULONG used = 0;
    linux_stat_t st;
    int descriptor = linux_open_directory(directory);
    int size;

    if (descriptor < 0)
        return 0;
    while ((size = linux_read_directory(descriptor, buffer, sizeof buffer)) > 0) {
        for (int at = 0; at < size;) {
            const dirent64 *d = (dirent64 *)(buffer + at);
            WCHAR name[MAX_PATH];
            ULONG length;
            at += d->length;
            if (d->type != TYPE_LINK || !below(directory, directory_length, d->name) || !linux_stat(directory, &st))
                continue;
            length = to_utf16(d->name, name, MAX_PATH);
            if (!length || (g->mask_length && !matches(g->mask, g->mask_length, name, length)))
                continue;
            if (out) {
                memcpy(out + used, name, length * sizeof(WCHAR));
                out[used + length] = 0;
            }
            used += length + 1;
        }
    }
    directory[directory_length] = 0;
    linux_close(descriptor);
    return used;
}

static void scan_once(listing *g, char *directory)
{
    if (g->scanned)
        return;
    g->scanned = TRUE;
    ULONG count = scan(g, directory, NULL);
    // What is made between the passes is left out; what goes leaves empty names, which end the list.
    if (count && (g->names = memory_get((count + 64) * sizeof(WCHAR))))
        scan(g, directory, g->names);
}

// One entry more at "out". Its size, or 0 when there is no room.
static ULONG give(const layout *l, const char *directory, const WCHAR *name, BYTE *out, ULONG room)
{
    ULONG bytes = text_length(name) * sizeof(WCHAR);
    ULONG size = l->name + bytes;
    char path[UNIX_PATH_MAX];
    char text[3 * MAX_PATH];
    ULONG directory_length = text8_length(directory);
    linux_stat_t st;

    if (size > room)
        return 0;
    memset(out, 0, size);
    *(ULONG *)(out + l->name_length) = bytes;
    memcpy(out + l->name, name, bytes);
    memcpy(path, directory, directory_length);
    if (to_utf8(name, bytes / sizeof(WCHAR), text, sizeof text) && below(path, directory_length, text) && !linux_lstat(path, &st)) {
        LONG64 changed = (LONG64)(st.change_time * 10000000 + st.change_nanoseconds / 100 + 116444736000000000ULL);
        for (ULONG i = 0; l->times && i < 4; i++)
            *(LONG64 *)(out + l->times + i * sizeof(LONG64)) = changed;
        if (l->id)
            *(ULONG64 *)(out + l->id) = st.ino;
    }
    correct(directory, l, out);
    return size;
}

static NTSTATUS give_rest(listing *g, const layout *l, const char *directory, BYTE *out, ULONG length, BOOL single, ULONG_PTR *used,
                          NTSTATUS none)
{
    ULONG *last = NULL;
    ULONG at = 0;
    BOOL full = FALSE;

    while (g->names && g->names[g->at] && !full && !(single && last)) {
        ULONG size = at < length ? give(l, directory, g->names + g->at, out + at, length - at) : 0;
        full = !size;
        if (full)
            break;
        if (last)
            *last = (ULONG)(out + at - (BYTE *)last);
        last = (ULONG *)(out + at);
        *used = at + size;
        at = (at + size + 7) & ~7u;
        g->at += text_length(g->names + g->at) + 1;
    }
    if (last)
        return 0;
    return full ? STATUS_BUFFER_OVERFLOW : none;
}

static void remember_mask(HANDLE directory, const UNICODE_STRING *mask, BOOL restart)
{
    ULONG length = mask ? mask->Length / sizeof(WCHAR) : 0;
    BOOL all = !length || (length == 1 && mask->Buffer[0] == L'*');
    listing *g;

    if (all && !(restart && listings))
        return;
    AcquireSRWLockExclusive(&lock);
    g = all ? find(directory) : find_or_make(directory);
    if (g && (restart || !g->mask_length)) {
        if (restart) {
            memory_free(g->names);
            g->names = NULL;
            g->at = 0;
            g->scanned = FALSE;
        }
        if (!all && length <= MAX_PATH) {
            memcpy(g->mask, mask->Buffer, mask->Length);
            g->mask_length = length;
        }
    }
    ReleaseSRWLockExclusive(&lock);
}

static NTSTATUS NTAPI hook_NtQueryDirectoryFile(HANDLE directory, HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK io,
                                                PVOID out, ULONG length, ULONG class, BOOLEAN single, PUNICODE_STRING mask,
                                                BOOLEAN restart)
{
    const layout *l = layout_of(class);
    char path[UNIX_PATH_MAX];

    if (l)
        remember_mask(directory, mask, restart);
    NTSTATUS status = real_NtQueryDirectoryFile(directory, event, apc, context, io, out, length, class, single, mask, restart);
    if (!l || (status && status != STATUS_NO_MORE_FILES && status != STATUS_NO_SUCH_FILE) || !directory_path(directory, path))
        return status;
    if (!status) {
        BYTE *entry = out;
        for (;;) {
            correct(path, l, entry);
            if (!*(ULONG *)entry)
                return status;
            entry += *(ULONG *)entry;
        }
    }
    AcquireSRWLockExclusive(&lock);
    listing *g = find_or_make(directory);
    if (g) {
        scan_once(g, path);
        status = give_rest(g, l, path, out, length, single, &io->Information, status);
        if (!status)
            io->Status = status;
    }
    ReleaseSRWLockExclusive(&lock);
    return status;
}

void hook_link_lists(void)
{
    patch_syscall("NtQueryDirectoryFile", hook_NtQueryDirectoryFile, (void **)&real_NtQueryDirectoryFile);
}
