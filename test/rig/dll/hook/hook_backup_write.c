// Writing. Streams may arrive in pieces of any size, across calls. Data and sparse blocks go into the file. A reparse point is set, and
// fails where Wine cannot. The others (security, extended attributes, alternate data, links, object ids) are read and dropped: the
// file systems under Wine have no place for them, and the rig's layers do not depend on them.
#include "backup.h"

#define CONTROL_SET_REPARSE_POINT 0x900A4 // FSCTL_SET_REPARSE_POINT
#define REPARSE_MAX 16384                 // MAXIMUM_REPARSE_DATA_BUFFER_SIZE
#define SPARSE_OFFSET_SIZE 8              // a sparse block's data begins with its place in the file

static ULONG smaller(ULONG a, ULONG64 b)
{
    return b < a ? (ULONG)b : a;
}

static NTSTATUS begin_stream(backup *b)
{
    memcpy(&b->header, b->header_bytes, STREAM_HEADER_SIZE);
    b->name_left = b->header.name_size;
    b->data_left = (ULONG64)b->header.size_high << 32 | b->header.size_low;
    b->whole_done = 0;
    memory_free(b->whole);
    b->whole = NULL;
    switch (b->header.id) {
    case STREAM_DATA:
        b->position = 0;
        return 0;
    case STREAM_REPARSE:
        if (b->data_left > REPARSE_MAX)
            return STATUS_INVALID_PARAMETER;
        b->whole = memory_get(REPARSE_MAX);
        return b->whole ? 0 : STATUS_NO_MEMORY;
    case STREAM_SPARSE_BLOCK:
        if (b->data_left < SPARSE_OFFSET_SIZE)
            return STATUS_INVALID_PARAMETER;
        b->whole = memory_get(SPARSE_OFFSET_SIZE);
        return b->whole ? 0 : STATUS_NO_MEMORY;
    }
    report("a backup stream of a kind that Wine cannot keep was dropped");
    return 0;
}

static NTSTATUS write_file(backup *b, HANDLE file, BYTE *data, ULONG size)
{
    while (size) {
        ULONG done;
        NTSTATUS status = backup_io(file, TRUE, data, size, b->position, &done);
        if (!NT_SUCCESS(status))
            return status;
        data += done;
        size -= done;
        b->position += done;
        b->data_left -= done;
    }
    return 0;
}

static NTSTATUS set_reparse_point(backup *b, HANDLE file)
{
    IO_STATUS_BLOCK io;
    return NtFsControlFile(file, NULL, NULL, NULL, &io, CONTROL_SET_REPARSE_POINT, b->whole, b->whole_done, NULL, 0);
}

// Takes a piece of the current stream's data and says how much.
static NTSTATUS take_data(backup *b, HANDLE file, BYTE *data, ULONG size, ULONG *took)
{
    NTSTATUS status = 0;

    *took = smaller(size, b->data_left);
    switch (b->header.id) {
    case STREAM_DATA:
        return write_file(b, file, data, *took);
    case STREAM_SPARSE_BLOCK:
        if (b->whole_done == SPARSE_OFFSET_SIZE)
            return write_file(b, file, data, *took);
        *took = smaller(*took, SPARSE_OFFSET_SIZE - b->whole_done);
        break;
    }
    if (b->whole)
        memcpy(b->whole + b->whole_done, data, *took);
    b->whole_done += *took;
    b->data_left -= *took;
    if (b->header.id == STREAM_SPARSE_BLOCK && b->whole_done == SPARSE_OFFSET_SIZE)
        memcpy(&b->position, b->whole, SPARSE_OFFSET_SIZE);
    if (b->header.id == STREAM_REPARSE && !b->data_left)
        status = set_reparse_point(b, file);
    return status;
}

static NTSTATUS take(backup *b, HANDLE file, BYTE *data, ULONG size, ULONG *took)
{
    NTSTATUS status = 0;

    *took = 0;
    if (b->header_done < STREAM_HEADER_SIZE) {
        *took = smaller(size, STREAM_HEADER_SIZE - b->header_done);
        memcpy(b->header_bytes + b->header_done, data, *took);
        b->header_done += *took;
        if (b->header_done == STREAM_HEADER_SIZE)
            status = begin_stream(b);
    } else if (b->name_left) {
        *took = smaller(size, b->name_left);
        b->name_left -= *took;
    } else {
        status = take_data(b, file, data, size, took);
    }
    if (b->header_done == STREAM_HEADER_SIZE && !b->name_left && !b->data_left)
        b->header_done = 0; // the next stream
    return status;
}

BOOL WINAPI hook_BackupWrite(HANDLE file, BYTE *data, DWORD size, DWORD *done, BOOL abort, BOOL security, void **context)
{
    ULONG took;

    (void)security;
    if (abort) { // the other arguments may be NULL
        backup_end(context);
        return TRUE;
    }
    *done = 0;
    backup *b = backup_context(context);
    if (!b)
        return backup_result(STATUS_NO_MEMORY);
    while (*done < size) {
        NTSTATUS status = take(b, file, data + *done, size - *done, &took);
        if (!NT_SUCCESS(status))
            return backup_result(status);
        *done += took;
    }
    return TRUE;
}
