// What a link's handle answers about itself: its attributes, and where it leads.
#include "node.h"

#define CONTROL_GET_REPARSE 0x000900A8 // FSCTL_GET_REPARSE_POINT
#define EPOCH 116444736000000000ULL    // 1970 in 100 ns since 1601

enum { // of NtQueryInformationFile
    QUERY_BASIC = 4,
    QUERY_STANDARD = 5,
    QUERY_INTERNAL = 6,
    QUERY_ALL = 18,
    QUERY_NETWORK_OPEN = 34,
    QUERY_ATTRIBUTE_TAG = 35,
    QUERY_ID = 59,
    QUERY_STAT = 68,
};

typedef struct all_information {
    basic_information basic;
    LARGE_INTEGER allocated, size;
    ULONG links;
    BOOLEAN delete_pending, directory;
    ULONG64 index;
    ULONG ea_size, access;
    LARGE_INTEGER position;
    ULONG mode, alignment, name_length;
    WCHAR name[1];
} all_information;

typedef struct network_open_information {
    LARGE_INTEGER times[4], allocated, size;
    ULONG attributes;
} network_open_information;

typedef struct stat_information {
    ULONG64 index;
    LARGE_INTEGER times[4], allocated, size;
    ULONG attributes, tag, links, access;
} stat_information;

// REPARSE_DATA_BUFFER of a symbolic link.
typedef struct reparse_data {
    ULONG tag;
    USHORT length, reserved; // length is that of what follows
    USHORT substitute_at, substitute_length, print_at, print_length;
    ULONG flags; // 1: relative
    WCHAR names[1];
} reparse_data;

#define REPARSE_HEAD 8

static NtQueryInformationFile_t real_NtQueryInformationFile;
static NtFsControlFile_t real_NtFsControlFile;

// What all the answers are made of.
typedef struct facts {
    LARGE_INTEGER times[4]; // creation, access, write, change
    ULONG64 index;
    ULONG attributes, tag;
    BOOL directory;
} facts;

static LONG64 file_time(ULONG64 seconds, ULONG64 nanoseconds)
{
    return (LONG64)(seconds * 10000000 + nanoseconds / 100 + EPOCH);
}

static BOOL look(const char *path, facts *f)
{
    linux_stat_t st;

    if (!link_look(path, &f->tag, &f->directory) || linux_lstat(path, &st))
        return FALSE;
    f->times[1].QuadPart = file_time(st.access_time, st.access_nanoseconds);
    f->times[2].QuadPart = file_time(st.change_time, st.change_nanoseconds);
    f->times[3].QuadPart = file_time(st.status_time, st.status_nanoseconds);
    f->times[0] = f->times[2].QuadPart < f->times[3].QuadPart ? f->times[2] : f->times[3]; // as Wine makes it up
    f->index = st.ino;
    f->attributes = FILE_ATTRIBUTE_REPARSE_POINT | (f->directory ? FILE_ATTRIBUTE_DIRECTORY : FILE_ATTRIBUTE_ARCHIVE);
    return TRUE;
}

BOOL link_attributes(const OBJECT_ATTRIBUTES *attributes, BOOL full, PVOID information)
{
    char path[UNIX_PATH_MAX];
    facts f;

    if (!NT_SUCCESS(unix_path(attributes, FALSE, path)) || !look(path, &f))
        return FALSE;
    if (full) {
        network_open_information *n = information;
        memset(n, 0, sizeof *n);
        memcpy(n->times, f.times, sizeof n->times);
        n->attributes = f.attributes;
    } else {
        basic_information *b = information;
        memcpy(b->times, f.times, sizeof b->times);
        b->attributes = f.attributes;
    }
    return TRUE;
}

static ULONG answer(const facts *f, ULONG class, void *out, ULONG length)
{
    union {
        basic_information basic;
        struct {
            LARGE_INTEGER allocated, size;
            ULONG links;
            BOOLEAN delete_pending, directory;
        } standard;
        ULONG64 index;
        all_information all;
        network_open_information network;
        struct {
            ULONG attributes, tag;
        } tag;
        stat_information stat;
    } u;
    ULONG size = 0;

    memset(&u, 0, sizeof u);
    switch (class) {
    case QUERY_BASIC:
        memcpy(u.basic.times, f->times, sizeof f->times);
        u.basic.attributes = f->attributes;
        size = sizeof u.basic;
        break;
    case QUERY_STANDARD:
        u.standard.links = 1;
        u.standard.directory = (BOOLEAN)f->directory;
        size = sizeof u.standard;
        break;
    case QUERY_INTERNAL:
        u.index = f->index;
        size = sizeof u.index;
        break;
    case QUERY_ALL: // the name stays empty: nobody who asks for all of it wants that
        memcpy(u.all.basic.times, f->times, sizeof f->times);
        u.all.basic.attributes = f->attributes;
        u.all.links = 1;
        u.all.directory = (BOOLEAN)f->directory;
        u.all.index = f->index;
        size = sizeof u.all;
        break;
    case QUERY_NETWORK_OPEN:
        memcpy(u.network.times, f->times, sizeof f->times);
        u.network.attributes = f->attributes;
        size = sizeof u.network;
        break;
    case QUERY_ATTRIBUTE_TAG:
        u.tag.attributes = f->attributes;
        u.tag.tag = f->tag;
        size = sizeof u.tag;
        break;
    case QUERY_STAT:
        u.stat.index = f->index;
        memcpy(u.stat.times, f->times, sizeof f->times);
        u.stat.attributes = f->attributes;
        u.stat.tag = f->tag;
        u.stat.links = 1;
        size = sizeof u.stat;
        break;
    }
    if (size > length)
        return 0;
    memcpy(out, &u, size);
    return size;
}

static BOOL answered(ULONG class)
{
    return class == QUERY_BASIC || class == QUERY_STANDARD || class == QUERY_INTERNAL || class == QUERY_ALL || class == QUERY_NETWORK_OPEN ||
           class == QUERY_ATTRIBUTE_TAG || class == QUERY_STAT;
}

static NTSTATUS NTAPI hook_NtQueryInformationFile(HANDLE file, PIO_STATUS_BLOCK io, PVOID out, ULONG length, ULONG class)
{
    char path[UNIX_PATH_MAX];
    facts f;

    if (!link_find(file, path))
        return real_NtQueryInformationFile(file, io, out, length, class);
    if (!look(path, &f)) // it is gone
        return io->Status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (class == QUERY_ID) { // the drive's serial number is the handle's, the file's is the link's
        NTSTATUS status = real_NtQueryInformationFile(file, io, out, length, class);
        if (NT_SUCCESS(status))
            memcpy((BYTE *)out + 8, &f.index, sizeof f.index);
        return status;
    }
    if (!answered(class))
        return real_NtQueryInformationFile(file, io, out, length, class);
    io->Information = answer(&f, class, out, length);
    return io->Status = io->Information ? 0 : STATUS_INFO_LENGTH_MISMATCH;
}

static NTSTATUS reparse_point(const char *path, reparse_data *out, ULONG size, ULONG_PTR *used)
{
    link_text *text = memory_get(sizeof *text);
    NTSTATUS status = STATUS_NO_MEMORY;

    *used = 0;
    if (text && !link_read(path, text)) {
        status = STATUS_OBJECT_NAME_NOT_FOUND;
    } else if (text) {
        // What is shown of an absolute name is without its \??\ .
        ULONG skip = text->relative ? 0 : 4;
        ULONG bytes = text->length * sizeof(WCHAR);
        ULONG print = bytes - skip * sizeof(WCHAR);
        ULONG need = text->tag == TAG_SYMLINK ? FIELD_OFFSET(reparse_data, names) + bytes + print : REPARSE_HEAD;
        status = need > size || need > MAXWORD ? STATUS_BUFFER_TOO_SMALL : 0;
        if (NT_SUCCESS(status)) {
            memset(out, 0, REPARSE_HEAD);
            out->tag = text->tag;
            out->length = (USHORT)(need - REPARSE_HEAD);
            *used = need;
        }
        if (NT_SUCCESS(status) && text->tag == TAG_SYMLINK) {
            out->substitute_at = (USHORT)print;
            out->substitute_length = (USHORT)bytes;
            out->print_at = 0;
            out->print_length = (USHORT)print;
            out->flags = text->relative;
            memcpy(out->names, text->target + skip, print);
            memcpy((BYTE *)out->names + print, text->target, bytes);
        }
    }
    memory_free(text);
    return status;
}

static NTSTATUS NTAPI hook_NtFsControlFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK io, ULONG code,
                                           PVOID in, ULONG in_size, PVOID out, ULONG out_size)
{
    char path[UNIX_PATH_MAX];

    if (code != CONTROL_GET_REPARSE || !out || !link_find(file, path))
        return real_NtFsControlFile(file, event, apc, context, io, code, in, in_size, out, out_size);
    io->Status = reparse_point(path, out, out_size, &io->Information);
    if (event)
        SetEvent(event);
    return io->Status;
}

void hook_link_queries(void)
{
    patch_syscall("NtQueryInformationFile", hook_NtQueryInformationFile, (void **)&real_NtQueryInformationFile);
    patch_syscall("NtFsControlFile", hook_NtFsControlFile, (void **)&real_NtFsControlFile);
}
