// Questions about processes for which Windows wants less than Wine: a handle with PROCESS_QUERY_LIMITED_INFORMATION is enough
// (hcs-api §8.3, §8.4). Where Wine refuses, the process is opened again with the right that it wants.
#include "hook.h"

NtQueryInformationProcess_t real_NtQueryInformationProcess;
static NtIsProcessInJob_t real_NtIsProcessInJob;

#define CLASS_PROCESS_BASIC 0
#define CLASS_VM_COUNTERS 3

typedef struct vm_counters_ex2 {
    SIZE_T peak_virtual;
    SIZE_T virtual;
    ULONG page_faults;
    SIZE_T peak_working_set;
    SIZE_T working_set;
    SIZE_T quota[4];
    SIZE_T pagefile;
    SIZE_T peak_pagefile;
    SIZE_T private_usage; // the extended structure ends here
    SIZE_T private_working_set;
    SIZE_T shared_commit;
} vm_counters_ex2;

#define VM_COUNTERS_EX_SIZE FIELD_OFFSET(vm_counters_ex2, private_working_set)

static HANDLE open_again(HANDLE process)
{
    PROCESS_BASIC_INFORMATION basic;
    OBJECT_ATTRIBUTES attributes;
    CLIENT_ID id = {NULL, NULL};
    HANDLE again;

    if (!NT_SUCCESS(real_NtQueryInformationProcess(process, CLASS_PROCESS_BASIC, &basic, sizeof basic, NULL)))
        return NULL;
    id.UniqueProcess = (HANDLE)basic.UniqueProcessId;
    InitializeObjectAttributes(&attributes, NULL, 0, NULL, NULL);
    return NT_SUCCESS(NtOpenProcess(&again, PROCESS_QUERY_INFORMATION, &attributes, &id)) ? again : NULL;
}

static NTSTATUS NTAPI hook_NtIsProcessInJob(HANDLE process, HANDLE job)
{
    NTSTATUS status = real_NtIsProcessInJob(process, job);

    if (status != STATUS_ACCESS_DENIED)
        return status;
    HANDLE again = open_again(process);
    if (!again)
        return status;
    status = real_NtIsProcessInJob(again, job);
    NtClose(again);
    return status;
}

static NTSTATUS query(HANDLE process, ULONG class, PVOID buffer, ULONG length, PULONG returned)
{
    NTSTATUS status = real_NtQueryInformationProcess(process, class, buffer, length, returned);

    if (status != STATUS_ACCESS_DENIED)
        return status;
    HANDLE again = open_again(process);
    if (!again)
        return status;
    status = real_NtQueryInformationProcess(again, class, buffer, length, returned);
    NtClose(again);
    return status;
}

// The newest structure, of which Wine knows the part before the private working set. That is at most the working set and at most what
// is private; a shared commit Wine has none of.
static NTSTATUS vm_counters(HANDLE process, vm_counters_ex2 *counters, PULONG returned)
{
    NTSTATUS status = query(process, CLASS_VM_COUNTERS, counters, VM_COUNTERS_EX_SIZE, NULL);

    if (!NT_SUCCESS(status))
        return status;
    SIZE_T private = counters->private_usage;
    counters->private_working_set = private < counters->working_set ? private : counters->working_set;
    counters->shared_commit = 0;
    if (returned)
        *returned = sizeof *counters;
    return status;
}

static NTSTATUS NTAPI hook_NtQueryInformationProcess(HANDLE process, ULONG class, PVOID buffer, ULONG length, PULONG returned)
{
    if (class != CLASS_VM_COUNTERS)
        return real_NtQueryInformationProcess(process, class, buffer, length, returned);
    if (length == sizeof(vm_counters_ex2) && buffer)
        return vm_counters(process, buffer, returned);
    return query(process, class, buffer, length, returned);
}

void hook_process(void)
{
    patch_syscall("NtIsProcessInJob", hook_NtIsProcessInJob, (void **)&real_NtIsProcessInJob);
    patch_syscall("NtQueryInformationProcess", hook_NtQueryInformationProcess, (void **)&real_NtQueryInformationProcess);
}
