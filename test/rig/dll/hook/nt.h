// Declarations of the native API that the hooks need and mingw lacks, with the layouts of 64-bit Windows.
#ifndef HOOK_NT_H
#define HOOK_NT_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <winternl.h>

#undef STATUS_ACCESS_DENIED
#define STATUS_ACCESS_DENIED ((NTSTATUS)0xC0000022)
#undef STATUS_CANNOT_DELETE
#define STATUS_CANNOT_DELETE ((NTSTATUS)0xC0000121)
#undef STATUS_PENDING
#define STATUS_PENDING ((NTSTATUS)0x00000103)
#undef STATUS_END_OF_FILE
#define STATUS_END_OF_FILE ((NTSTATUS)0xC0000011)
#undef STATUS_NO_MEMORY
#define STATUS_NO_MEMORY ((NTSTATUS)0xC0000017)
#undef STATUS_INFO_LENGTH_MISMATCH
#define STATUS_INFO_LENGTH_MISMATCH ((NTSTATUS)0xC0000004)
#undef STATUS_INVALID_PARAMETER
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000D)

// Access rights that change something.
#define ACCESS_WRITES                                                                                                              \
    (FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES | FILE_DELETE_CHILD | DELETE | WRITE_DAC |         \
     WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL)

// Create dispositions of NtCreateFile.
enum { DISPOSITION_SUPERSEDE = 0, DISPOSITION_OPEN = 1 };

#define OPTION_DELETE_ON_CLOSE 0x00001000
#define OPTION_OPEN_REPARSE_POINT 0x00200000

// Flags of CLASS_DISPOSITION_EX.
#define DISPOSITION_EX_DELETE 0x01
#define DISPOSITION_EX_IGNORE_READONLY 0x10

// Classes of NtSetInformationFile.
enum {
    CLASS_BASIC = 4,
    CLASS_RENAME = 10,
    CLASS_LINK = 11,
    CLASS_DISPOSITION = 13,
    CLASS_DISPOSITION_EX = 64,
    CLASS_RENAME_EX = 65,
    CLASS_LINK_EX = 72,
};

typedef struct basic_information {
    LARGE_INTEGER times[4];
    ULONG attributes;
    ULONG padding;
} basic_information;

// FILE_RENAME_INFORMATION and FILE_LINK_INFORMATION, with and without Ex.
typedef struct rename_information {
    ULONG flags; // or BOOLEAN ReplaceIfExists
    HANDLE root;
    ULONG length; // bytes
    WCHAR target[1];
} rename_information;

typedef NTSTATUS(NTAPI *NtCreateFile_t)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, PLARGE_INTEGER, ULONG, ULONG,
                                        ULONG, ULONG, PVOID, ULONG);
typedef NTSTATUS(NTAPI *NtOpenFile_t)(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, ULONG, ULONG);
typedef NTSTATUS(NTAPI *NtQueryAttributesFile_t)(POBJECT_ATTRIBUTES, PVOID);
typedef NTSTATUS(NTAPI *NtSetInformationFile_t)(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG, ULONG);
typedef NTSTATUS(NTAPI *NtCreateNamedPipeFile_t)(PHANDLE, ULONG, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, ULONG, ULONG, ULONG, ULONG,
                                                 ULONG, ULONG, ULONG, ULONG, ULONG, PLARGE_INTEGER);
typedef NTSTATUS(NTAPI *NtSetInformationJobObject_t)(HANDLE, ULONG, PVOID, ULONG);
typedef NTSTATUS(NTAPI *NtQueryInformationJobObject_t)(HANDLE, ULONG, PVOID, ULONG, PULONG);
typedef NTSTATUS(NTAPI *NtCreateJobObject_t)(PHANDLE, ACCESS_MASK, const OBJECT_ATTRIBUTES *);
typedef NTSTATUS(NTAPI *NtIsProcessInJob_t)(HANDLE, HANDLE);
typedef NTSTATUS(NTAPI *NtQueryInformationProcess_t)(HANDLE, ULONG, PVOID, ULONG, PULONG);

WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR);
PEB *NTAPI RtlGetCurrentPeb(void);
NTSTATUS NTAPI NtReadFile(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, PVOID, ULONG, PLARGE_INTEGER, PULONG);
NTSTATUS NTAPI NtWriteFile(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, const void *, ULONG, PLARGE_INTEGER, PULONG);
NTSTATUS NTAPI NtQueryObject(HANDLE, OBJECT_INFORMATION_CLASS, PVOID, ULONG, PULONG);
NTSTATUS NTAPI NtAllocateVirtualMemory(HANDLE, PVOID *, ULONG_PTR, SIZE_T *, ULONG, ULONG);
NTSTATUS NTAPI NtWriteVirtualMemory(HANDLE, PVOID, const void *, SIZE_T, SIZE_T *);
NTSTATUS NTAPI NtQueueApcThread(HANDLE, void *, ULONG_PTR, ULONG_PTR, ULONG_PTR);
NTSTATUS NTAPI NtOpenProcess(PHANDLE, ACCESS_MASK, const OBJECT_ATTRIBUTES *, const CLIENT_ID *);

#endif
