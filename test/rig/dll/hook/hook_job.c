// Information classes of job objects that Wine does not know: it answers STATUS_INVALID_PARAMETER (hcs-api §8.3). What is set is kept
// per handle and given back; nothing is enforced. Memory use is what the job's processes have now.
#include "hook.h"

enum {
    CLASS_PROCESS_LIST = 3,
    CLASS_CPU_RATE = 15,
    CLASS_MEMORY_USAGE = 28,
    CLASS_NET_RATE = 32,
    CLASS_NOTIFICATION_LIMIT_2 = 33,
    CLASS_CREATE_SILO = 35,
    CLASS_SILO_BASIC = 36,
    CLASS_IO_ATTRIBUTION = 42,
    CLASS_SERVER_SILO = 43,
};

#define KEPT_SIZE 128 // the largest is JOBOBJECT_IO_ATTRIBUTION_INFORMATION with 72
#define KEPT_COUNT 64
#define PROCESSES_MAX 1024

typedef struct kept {
    HANDLE job;
    ULONG class;
    ULONG length;
    BYTE data[KEPT_SIZE];
} kept;

typedef struct process_list {
    DWORD assigned;
    DWORD count;
    ULONG_PTR ids[PROCESSES_MAX];
} process_list;

typedef struct memory_usage {
    ULONG64 now;
    ULONG64 peak;
} memory_usage;

typedef struct vm_counters {
    SIZE_T before[9];
    SIZE_T pagefile;
    SIZE_T peak_pagefile;
} vm_counters;

#define CLASS_VM_COUNTERS 3

static NtSetInformationJobObject_t real_NtSetInformationJobObject;
static NtQueryInformationJobObject_t real_NtQueryInformationJobObject;
static NtCreateJobObject_t real_NtCreateJobObject;
static NtCreateJobObject_t real_NtOpenJobObject;

static SRWLOCK lock = SRWLOCK_INIT;
static kept table[KEPT_COUNT];
static ULONG next; // the entry that goes when all are taken

static kept *find(HANDLE job, ULONG class)
{
    for (ULONG i = 0; i < KEPT_COUNT; i++)
        if (table[i].job == job && table[i].class == class)
            return &table[i];
    return NULL;
}

static BOOL keep(HANDLE job, ULONG class, const void *data, ULONG length)
{
    if (length > KEPT_SIZE)
        return FALSE;
    AcquireSRWLockExclusive(&lock);
    kept *k = find(job, class);
    if (!k) {
        k = find(NULL, 0);
        if (!k)
            k = &table[next++ % KEPT_COUNT];
        k->job = job;
        k->class = class;
    }
    k->length = length;
    memcpy(k->data, data, length);
    ReleaseSRWLockExclusive(&lock);
    return TRUE;
}

// What was kept, and zeros behind it. FALSE when nothing was.
static BOOL recall(HANDLE job, ULONG class, void *data, ULONG length)
{
    AcquireSRWLockExclusive(&lock);
    const kept *k = find(job, class);
    memset(data, 0, length);
    if (k)
        memcpy(data, k->data, k->length < length ? k->length : length);
    ReleaseSRWLockExclusive(&lock);
    return k != NULL;
}

// A handle value comes back when the job before it was closed.
static void forget(HANDLE job)
{
    AcquireSRWLockExclusive(&lock);
    for (ULONG i = 0; i < KEPT_COUNT; i++)
        if (table[i].job == job)
            memset(&table[i], 0, sizeof table[i]);
    ReleaseSRWLockExclusive(&lock);
    silo_forget(job);
}

static ULONG64 commit_of(ULONG_PTR pid)
{
    OBJECT_ATTRIBUTES attributes;
    CLIENT_ID id = {(HANDLE)pid, NULL};
    vm_counters counters;
    HANDLE process;

    InitializeObjectAttributes(&attributes, NULL, 0, NULL, NULL);
    if (!NT_SUCCESS(NtOpenProcess(&process, PROCESS_QUERY_INFORMATION, &attributes, &id)))
        return 0; // it has just ended
    NTSTATUS status = real_NtQueryInformationProcess(process, CLASS_VM_COUNTERS, &counters, sizeof counters, NULL);
    NtClose(process);
    return NT_SUCCESS(status) ? counters.pagefile : 0;
}

// The peak is the highest of the moments at which somebody asked.
static NTSTATUS query_memory(HANDLE job, void *buffer, ULONG length, PULONG returned)
{
    memory_usage usage = {0, 0};
    memory_usage before;

    if (length < sizeof usage)
        return STATUS_INFO_LENGTH_MISMATCH;
    process_list *list = memory_get(sizeof *list);
    if (!list)
        return STATUS_NO_MEMORY;
    NTSTATUS status = real_NtQueryInformationJobObject(job, CLASS_PROCESS_LIST, list, sizeof *list, NULL);
    for (DWORD i = 0; NT_SUCCESS(status) && i < list->count && i < PROCESSES_MAX; i++)
        usage.now += commit_of(list->ids[i]);
    memory_free(list);
    if (!NT_SUCCESS(status))
        return status;
    recall(job, CLASS_MEMORY_USAGE, &before, sizeof before);
    usage.peak = before.peak > usage.now ? before.peak : usage.now;
    keep(job, CLASS_MEMORY_USAGE, &usage, sizeof usage);
    memcpy(buffer, &usage, sizeof usage);
    if (returned)
        *returned = sizeof usage;
    return status;
}

static BOOL is_kept(ULONG class)
{
    switch (class) {
    case CLASS_GROUPS:
    case CLASS_CPU_RATE:
    case CLASS_NET_RATE:
    case CLASS_NOTIFICATION_LIMIT_2:
    case CLASS_CREATE_SILO:
    case CLASS_IO_ATTRIBUTION:
    case CLASS_SERVER_SILO:
        return TRUE;
    }
    return FALSE;
}

static NTSTATUS NTAPI hook_NtSetInformationJobObject(HANDLE job, ULONG class, PVOID buffer, ULONG length)
{
    NTSTATUS status;

    if (buffer && silo_set(job, class, buffer, length, &status))
        return status;
    if (!is_kept(class))
        return real_NtSetInformationJobObject(job, class, buffer, length);
    if (length && !buffer)
        return STATUS_INVALID_PARAMETER;
    return keep(job, class, buffer, length) ? 0 : STATUS_INFO_LENGTH_MISMATCH;
}

static NTSTATUS NTAPI hook_NtQueryInformationJobObject(HANDLE job, ULONG class, PVOID buffer, ULONG length, PULONG returned)
{
    BYTE silo[1];

    if (class == CLASS_MEMORY_USAGE)
        return query_memory(job, buffer, length, returned);
    // Only a job that was made a silo has this; its numbers are not modelled.
    BOOL answer = class == CLASS_SILO_BASIC ? recall(job, CLASS_CREATE_SILO, silo, 0) : is_kept(class);
    if (!answer || !buffer)
        return real_NtQueryInformationJobObject(job, class, buffer, length, returned);
    recall(job, class, buffer, length);
    if (returned)
        *returned = length;
    return 0;
}

static NTSTATUS NTAPI hook_NtCreateJobObject(PHANDLE job, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes)
{
    NTSTATUS status = real_NtCreateJobObject(job, access, attributes);

    if (NT_SUCCESS(status))
        forget(*job);
    return status;
}

static NTSTATUS NTAPI hook_NtOpenJobObject(PHANDLE job, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes)
{
    if (silo_named(attributes))
        return silo_open(job, access, attributes, real_NtCreateJobObject);
    NTSTATUS status = real_NtOpenJobObject(job, access, attributes);

    if (NT_SUCCESS(status))
        forget(*job);
    return status;
}

void hook_jobs(void)
{
    patch_syscall("NtSetInformationJobObject", hook_NtSetInformationJobObject, (void **)&real_NtSetInformationJobObject);
    patch_syscall("NtQueryInformationJobObject", hook_NtQueryInformationJobObject, (void **)&real_NtQueryInformationJobObject);
    patch_syscall("NtCreateJobObject", hook_NtCreateJobObject, (void **)&real_NtCreateJobObject);
    patch_syscall("NtOpenJobObject", hook_NtOpenJobObject, (void **)&real_NtOpenJobObject);
}
