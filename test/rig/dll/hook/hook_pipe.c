// Named pipes as go-winio makes them. Two of Wine's gaps, hcs-api §8.4 no. 1:
//
// FILE_PIPE_REJECT_REMOTE_CLIENTS in the type is taken for message mode; there are no remote clients, so the bit goes.
//
// A listener's first handle asks for neither reading nor writing. NT starts such an instance disconnected, so that it only keeps the
// name; on Wine it listens, and the first client connects to something that is never served. Here it is made, opened once and
// disconnected: then clients see a busy pipe until a real instance listens.
#include "hook.h"

#define TYPE_MESSAGE 1
#define ACCESS_DATA (GENERIC_READ | GENERIC_WRITE | GENERIC_ALL | FILE_READ_DATA | FILE_WRITE_DATA)
#define CONTROL_DISCONNECT 0x110004 // FSCTL_PIPE_DISCONNECT

static NtCreateNamedPipeFile_t real_NtCreateNamedPipeFile;

static void disconnect(HANDLE server, const OBJECT_ATTRIBUTES *attributes)
{
    OBJECT_ATTRIBUTES plain = *attributes; // the descriptor is for creating only
    IO_STATUS_BLOCK io;
    HANDLE client;

    plain.SecurityDescriptor = NULL;
    if (NT_SUCCESS(NtOpenFile(&client, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &plain, &io, FILE_SHARE_READ | FILE_SHARE_WRITE,
                              FILE_SYNCHRONOUS_IO_NONALERT)))
        NtClose(client);
    // Also when somebody was faster: that client would never be served.
    NtFsControlFile(server, NULL, NULL, NULL, &io, CONTROL_DISCONNECT, NULL, 0, NULL, 0);
}

static NTSTATUS NTAPI hook_NtCreateNamedPipeFile(PHANDLE handle, ULONG access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK io,
                                                 ULONG share, ULONG disposition, ULONG options, ULONG type, ULONG read_mode,
                                                 ULONG completion_mode, ULONG instances, ULONG in_quota, ULONG out_quota,
                                                 PLARGE_INTEGER timeout)
{
    BOOL name_only = !(access & ACCESS_DATA);

    if (name_only)
        access |= GENERIC_READ | GENERIC_WRITE;
    NTSTATUS status = real_NtCreateNamedPipeFile(handle, access, attributes, io, share, disposition, options, type & TYPE_MESSAGE,
                                                 read_mode, completion_mode, instances, in_quota, out_quota, timeout);
    if (name_only && NT_SUCCESS(status))
        disconnect(*handle, attributes);
    return status;
}

void hook_pipes(void)
{
    patch_syscall("NtCreateNamedPipeFile", hook_NtCreateNamedPipeFile, (void **)&real_NtCreateNamedPipeFile);
}
