// BackupRead and BackupWrite, which Wine exports and refuses (hcs-api §8.4 no. 3): containerd's layers are written through them.
#include "backup.h"

NTSTATUS backup_io(HANDLE file, BOOL write, void *data, ULONG size, LONG64 position, ULONG *done)
{
    IO_STATUS_BLOCK io = {{0}, 0};
    LARGE_INTEGER at = {.QuadPart = position};
    NTSTATUS status;

    *done = 0;
    if (write)
        status = NtWriteFile(file, NULL, NULL, NULL, &io, data, size, &at, NULL);
    else
        status = NtReadFile(file, NULL, NULL, NULL, &io, data, size, &at, NULL);
    if (status == STATUS_PENDING) {
        WaitForSingleObject(file, INFINITE);
        status = io.Status;
    }
    if (NT_SUCCESS(status))
        *done = (ULONG)io.Information;
    return status;
}

BOOL backup_result(NTSTATUS status)
{
    if (NT_SUCCESS(status))
        return TRUE;
    SetLastError(RtlNtStatusToDosError(status));
    return FALSE;
}

backup *backup_context(void **context)
{
    if (!*context)
        *context = memory_get(sizeof(backup));
    return *context;
}

void backup_end(void **context)
{
    backup *b = *context;

    if (b)
        memory_free(b->whole);
    memory_free(b);
    *context = NULL;
}

void hook_backup(void)
{
    patch_kernel32("BackupRead", hook_BackupRead, NULL);
    patch_kernel32("BackupWrite", hook_BackupWrite, NULL);
}
