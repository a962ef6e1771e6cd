// The job objects of silos, \Container_ID: on Windows they are the service's, here the simulator has them. A program that opens one gets a
// job of its own, and what it sets there goes to the simulator through hcssim.dll, which is in every process that has to do with it.
// What a silo uses is not to be had from it: one that wants to query is told that there is none, and asks the service (hcs-api §3.1).
#include "hook.h"

#define PREFIX L"\\Container_"
#define PREFIX_LENGTH 11
#define ID_SIZE 256
#define SET_ATTRIBUTES 0x2 // JOB_OBJECT_SET_ATTRIBUTES
#define SILO_COUNT 16 // open at once

typedef HRESULT (*silo_open_t)(PCWSTR id);
typedef HRESULT (*silo_freeze_t)(PCWSTR id, BOOL frozen);
typedef HRESULT (*silo_affinity_t)(PCWSTR id, const GROUP_AFFINITY *groups, ULONG count);

typedef struct silo {
    HANDLE job;
    WCHAR id[ID_SIZE];
} silo;

static SRWLOCK lock = SRWLOCK_INIT;
static silo table[SILO_COUNT];

static void *function(PCSTR name)
{
    HMODULE client = GetModuleHandleA("hcssim.dll");
    return client ? (void *)GetProcAddress(client, name) : NULL;
}

static NTSTATUS status_of(HRESULT code)
{
    switch ((ULONG)code) {
    case 0:
        return 0;
    case 0x80070002:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    case 0x80070005:
        return STATUS_ACCESS_DENIED;
    case 0x80070032:
        return STATUS_NOT_SUPPORTED;
    case 0x80070057:
        return STATUS_INVALID_PARAMETER;
    }
    return STATUS_UNSUCCESSFUL;
}

BOOL silo_named(const OBJECT_ATTRIBUTES *attributes)
{
    const UNICODE_STRING *n = attributes ? attributes->ObjectName : NULL;
    return n && text_prefix(n->Buffer, n->Length / sizeof(WCHAR), PREFIX, PREFIX_LENGTH);
}

// Keeps which silo a job stands for. The id is without its end in the object's name.
static BOOL keep(HANDLE job, const WCHAR *id)
{
    BOOL kept = FALSE;

    AcquireSRWLockExclusive(&lock);
    for (ULONG i = 0; i < SILO_COUNT && !kept; i++)
        if (!table[i].job) {
            table[i].job = job;
            memcpy(table[i].id, id, sizeof table[i].id);
            kept = TRUE;
        }
    ReleaseSRWLockExclusive(&lock);
    return kept;
}

NTSTATUS silo_open(PHANDLE job, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, NtCreateJobObject_t create)
{
    const UNICODE_STRING *n = attributes->ObjectName;
    ULONG length = n->Length / sizeof(WCHAR) - PREFIX_LENGTH;
    silo_open_t ask = function("sim_silo_open");
    WCHAR id[ID_SIZE] = {0};

    if (access != SET_ATTRIBUTES || !ask || length >= ID_SIZE)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    memcpy(id, n->Buffer + PREFIX_LENGTH, length * sizeof(WCHAR));
    NTSTATUS status = status_of(ask(id));
    if (NT_SUCCESS(status))
        status = create(job, MAXIMUM_ALLOWED, NULL);
    if (NT_SUCCESS(status)) {
        silo_forget(*job);
        if (!keep(*job, id)) {
            NtClose(*job);
            status = STATUS_NO_MEMORY;
        }
    }
    return status;
}

void silo_forget(HANDLE job)
{
    AcquireSRWLockExclusive(&lock);
    for (ULONG i = 0; i < SILO_COUNT; i++)
        if (table[i].job == job)
            table[i].job = NULL;
    ReleaseSRWLockExclusive(&lock);
}

// Which silo a job stands for.
static BOOL id_of(HANDLE job, WCHAR *id)
{
    BOOL found = FALSE;

    AcquireSRWLockExclusive(&lock);
    for (ULONG i = 0; i < SILO_COUNT && !found; i++)
        if (job && table[i].job == job) {
            memcpy(id, table[i].id, sizeof table[i].id);
            found = TRUE;
        }
    ReleaseSRWLockExclusive(&lock);
    return found;
}

static NTSTATUS set_groups(const WCHAR *id, const void *groups, ULONG length)
{
    silo_affinity_t tell = function("sim_silo_affinity");

    if (!length || length % sizeof(GROUP_AFFINITY))
        return STATUS_INFO_LENGTH_MISMATCH;
    return tell ? status_of(tell(id, groups, length / sizeof(GROUP_AFFINITY))) : STATUS_UNSUCCESSFUL;
}

// JOBOBJECT_FREEZE_INFORMATION.
typedef struct freeze_information {
    ULONG operations;
    BOOLEAN freeze, swap;
    UCHAR reserved[2];
    ULONG wake_filter[2];
} freeze_information;

static NTSTATUS set_freeze(const WCHAR *id, const freeze_information *f, ULONG length)
{
    silo_freeze_t tell = function("sim_silo_freeze");

    if (length != sizeof *f)
        return STATUS_INFO_LENGTH_MISMATCH;
    if (f->operations != 1) // the filter and the swap are not modelled
        return STATUS_NOT_SUPPORTED;
    return tell ? status_of(tell(id, f->freeze)) : STATUS_UNSUCCESSFUL;
}

BOOL silo_set(HANDLE job, ULONG class, const void *data, ULONG length, NTSTATUS *status)
{
    WCHAR id[ID_SIZE];

    if ((class != CLASS_GROUPS && class != CLASS_FREEZE) || !id_of(job, id))
        return FALSE;
    *status = class == CLASS_GROUPS ? set_groups(id, data, length) : set_freeze(id, data, length);
    return TRUE;
}
