// Reading: a file has one data stream, a directory none. Security descriptors are not given, even when asked for: Wine makes them up
// from the Unix mode, and they would come back as differences of every layer.
#include "backup.h"

#define CLASS_STANDARD 5

typedef struct standard_information {
    LARGE_INTEGER allocated;
    LARGE_INTEGER size;
    ULONG links;
    BOOLEAN delete_pending;
    BOOLEAN directory;
} standard_information;

static NTSTATUS begin(backup *b, HANDLE file)
{
    standard_information information;
    IO_STATUS_BLOCK io;

    NTSTATUS status = NtQueryInformationFile(file, &io, &information, sizeof information, CLASS_STANDARD);
    if (!NT_SUCCESS(status))
        return status;
    b->begun = TRUE;
    if (information.directory) {
        b->header_done = STREAM_HEADER_SIZE;
        return status;
    }
    b->data_left = information.size.QuadPart;
    b->header.id = STREAM_DATA;
    b->header.size_low = information.size.LowPart;
    b->header.size_high = information.size.HighPart;
    memcpy(b->header_bytes, &b->header, STREAM_HEADER_SIZE);
    return status;
}

BOOL WINAPI hook_BackupRead(HANDLE file, BYTE *data, DWORD size, DWORD *done, BOOL abort, BOOL security, void **context)
{
    ULONG got;

    (void)security;
    if (abort) { // the other arguments may be NULL
        backup_end(context);
        return TRUE;
    }
    *done = 0;
    backup *b = backup_context(context);
    NTSTATUS status = b ? 0 : STATUS_NO_MEMORY;
    if (b && !b->begun)
        status = begin(b, file);
    if (!NT_SUCCESS(status))
        return backup_result(status);
    while (*done < size && b->header_done < STREAM_HEADER_SIZE)
        data[(*done)++] = b->header_bytes[b->header_done++];
    while (*done < size && b->data_left) {
        ULONG want = size - *done < b->data_left ? size - *done : (ULONG)b->data_left;
        status = backup_io(file, FALSE, data + *done, want, b->position, &got);
        // A file that has become shorter cannot keep what its header promised.
        if (NT_SUCCESS(status) && !got)
            status = STATUS_END_OF_FILE;
        if (!NT_SUCCESS(status))
            return backup_result(status);
        *done += got;
        b->position += got;
        b->data_left -= got;
    }
    return TRUE;
}
