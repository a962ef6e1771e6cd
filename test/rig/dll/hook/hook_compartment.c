// SetCurrentThreadCompartmentId of iphlpapi.dll, which Wine 8 has not: dockerd changes to a network's compartment to listen in it, and back. The
// rig's networks have no compartments of their own, their addresses are all this machine's.
#include "hook.h"

typedef NTSTATUS(WINAPI *LdrGetProcedureAddress_t)(HMODULE, const ANSI_STRING *, ULONG, void **);

static LdrGetProcedureAddress_t real_LdrGetProcedureAddress;

static ULONG WINAPI set_compartment(ULONG id)
{
    (void)id;
    return 0; // NO_ERROR
}

static BOOL is_it(const ANSI_STRING *name)
{
    static const char wanted[] = "SetCurrentThreadCompartmentId";

    if (!name || name->Length != sizeof wanted - 1)
        return FALSE;
    for (ULONG i = 0; i < name->Length; i++)
        if (name->Buffer[i] != wanted[i])
            return FALSE;
    return TRUE;
}

// What kernel32 has of the loader for GetProcAddress.
static NTSTATUS WINAPI hook_LdrGetProcedureAddress(HMODULE module, const ANSI_STRING *name, ULONG ordinal, void **address)
{
    NTSTATUS status = real_LdrGetProcedureAddress(module, name, ordinal, address);

    if (NT_SUCCESS(status) || !is_it(name))
        return status;
    *address = (void *)set_compartment;
    return 0; // STATUS_SUCCESS
}

void hook_compartment(void)
{
    real_LdrGetProcedureAddress = patch_import(GetModuleHandleA("kernel32.dll"), "LdrGetProcedureAddress", hook_LdrGetProcedureAddress);
}
