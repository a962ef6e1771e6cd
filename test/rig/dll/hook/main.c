// Attach, and the one function that bcryptprimitives.dll is there for.
#include "node.h"

// ntdll fills this class with random bytes on Wine, one structure per processor: the source of Wine's own SystemFunction036. Asking
// ntdll keeps advapi32 and what it needs out of every program's start.
#define CLASS_INTERRUPTS 23
#define INTERRUPTS_SIZE 24

static ULONG interrupts_size(void)
{
    static ULONG size;
    SYSTEM_BASIC_INFORMATION basic;

    if (!size && NT_SUCCESS(NtQuerySystemInformation(SystemBasicInformation, &basic, sizeof basic, NULL)))
        size = basic.NumberOfProcessors * INTERRUPTS_SIZE;
    return size;
}

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T size)
{
    BYTE chunk[64 * INTERRUPTS_SIZE]; // 64 processors
    ULONG step = interrupts_size();

    if (!step || step > sizeof chunk)
        return FALSE;
    while (size) {
        SIZE_T take = size < step ? size : step;
        if (!NT_SUCCESS(NtQuerySystemInformation(CLASS_INTERRUPTS, chunk, step, NULL)))
            return FALSE;
        for (SIZE_T i = 0; i < take; i++)
            data[i] = chunk[i];
        data += take;
        size -= take;
    }
    return TRUE;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved)
{
    (void)instance;
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH)
        return TRUE;
    BOOL container = view_load();
    hook_pipes();
    hook_files();
    hook_backup();
    hook_jobs();
    hook_process();
    hook_message();
    hook_compartment();
    hook_mounts();
    hook_create();
    hook_node(container);
    if (container) {
        hook_console();
        hook_sockets();
        hook_hostname();
        view_enter();
    }
    return TRUE;
}
