// The stream format of BackupRead and BackupWrite: headers of 20 bytes, each followed by a name and data.
#ifndef HOOK_BACKUP_H
#define HOOK_BACKUP_H

#include "hook.h"

#define STREAM_HEADER_SIZE 20

enum { STREAM_DATA = 1, STREAM_REPARSE = 8, STREAM_SPARSE_BLOCK = 9 };

// WIN32_STREAM_ID without its name.
typedef struct stream_header {
    DWORD id;
    DWORD attributes;
    DWORD size_low;
    DWORD size_high;
    DWORD name_size; // bytes
} stream_header;

// What lies behind a client's context pointer.
typedef struct backup {
    BYTE header_bytes[STREAM_HEADER_SIZE];
    ULONG header_done;
    stream_header header;
    ULONG name_left;
    ULONG64 data_left;
    LONG64 position; // in the file
    BYTE *whole;     // data that is of use only when it is complete
    ULONG whole_done;
    BOOL begun; // reading: the header is made
} backup;

// Synchronous I/O at a position, on a handle of either kind.
NTSTATUS backup_io(HANDLE file, BOOL write, void *data, ULONG size, LONG64 position, ULONG *done);
// Ends a backup call.
BOOL backup_result(NTSTATUS status);
// The context, made at the first call.
backup *backup_context(void **context);
void backup_end(void **context);

BOOL WINAPI hook_BackupRead(HANDLE file, BYTE *data, DWORD size, DWORD *done, BOOL abort, BOOL security, void **context);
BOOL WINAPI hook_BackupWrite(HANDLE file, BYTE *data, DWORD size, DWORD *done, BOOL abort, BOOL security, void **context);

#endif
