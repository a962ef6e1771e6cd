// bcryptprimitives.dll: the DLL that every Go program loads first, for ProcessPrng, and the hooks that close Wine's gaps in that
// process (hcs-api §8.4), plus a container's view of drive C:, or what a node's program needs (node.h).
//
// It is loaded before a program's first line, so it is small: no C runtime, no DLL beyond ntdll and kernel32, nothing read or
// allocated unless the environment says that this is a container's process or a node's.
#ifndef HOOK_HOOK_H
#define HOOK_HOOK_H

#include "nt.h"

// ---- patch.c

// Puts a function in front of a system call of ntdll. *original gets what to call instead; it is set even when the call could not be
// hooked, so that it can always be used.
void patch_syscall(PCSTR name, void *function, void **original);
// Replaces an export of kernel32. *original, when given, gets the function it led to before, or NULL when there was none to keep.
void patch_kernel32(PCSTR name, void *function, void **original);
// Replaces an export of another DLL for those who look it up from now on; what is linked to it already keeps it. Returns what it led to,
// NULL when there is none of that name or no room for the replacement.
void *patch_export(HMODULE module, PCSTR name, void *function);
// Replaces what a DLL calls by that name of another DLL. Returns what it called before, NULL when it does not.
void *patch_import(HMODULE module, PCSTR name, void *function);
// Says once per process and text what could not be done.
void report(PCSTR text);

// ---- one installer per concern

void hook_pipes(void);   // hook_pipe.c
void hook_files(void);   // hook_file.c
void hook_backup(void);  // hook_backup.c
void hook_jobs(void);    // hook_job.c
void hook_process(void); // hook_process.c
void hook_message(void); // hook_message.c
void hook_compartment(void); // hook_compartment.c
void hook_mounts(void);  // hook_mount.c
void hook_console(void); // hook_console.c: containers only
void hook_create(void);  // hook_create.c
void hook_sockets(void); // hook_socket.c: containers only
void hook_udp(void);     // hook_udp.c: containers and nodes
void hook_hostname(void); // hook_hostname.c: containers only

// ---- hook_silo.c

enum { // of the information that the simulator has of a silo's job object
    CLASS_GROUPS = 14,
    CLASS_FREEZE = 18,
};

BOOL silo_named(const OBJECT_ATTRIBUTES *attributes); // whether that is the job object of a silo
NTSTATUS silo_open(PHANDLE job, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes, NtCreateJobObject_t create);
void silo_forget(HANDLE job); // a handle value comes back when the job before it was closed
// FALSE when the job is no silo's.
BOOL silo_set(HANDLE job, ULONG class, const void *data, ULONG length, NTSTATUS *status);

// ---- original system calls that more than one file needs

extern NtQueryAttributesFile_t real_NtQueryAttributesFile;
extern NtQueryInformationProcess_t real_NtQueryInformationProcess;

// ---- names.c: what a name of the object manager is turned into

typedef struct name {
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING text;
    BOOL read_only; // lies in a read-only mount, for a name relative to a handle known only when it writes
    WCHAR *heap;    // when it does not fit the buffer
    WCHAR buffer[600];
} name;

// The attributes to use instead: the container's mounts, its volume, then volume names. "writes" is true for what creates, changes
// or deletes. The result lives in *out, which name_free ends.
OBJECT_ATTRIBUTES *name_resolve(OBJECT_ATTRIBUTES *attributes, BOOL writes, name *out);
void name_free(name *n);
// Starts a name from a host path, \\?\… and volume names included, without its last backslashes.
BOOL name_of_host(name *n, const WCHAR *path, ULONG length);
// Joins two texts to the name's new one; FALSE when there is no memory, and then nothing has changed.
BOOL name_set(name *n, const WCHAR *first, ULONG first_length, const WCHAR *second, ULONG second_length);

// ---- hook_bind.c

BOOL bind_name(name *n); // rewrites a name in a directory of the host that this process has mapped elsewhere

// ---- view.c: the container's mounts, volume and pipes, read from the environment at attach

BOOL view_load(void); // whether this is a container's process
BOOL view_active(void);
// Both rewrite n->text in place and report whether they did.
BOOL view_mount(name *n);
BOOL view_volume(name *n, BOOL writes);
BOOL view_pipe(name *n);
BOOL view_handle_read_only(HANDLE directory);

// ---- view_env.c: the same in the environment

// From VIEW_ADDRESS on, a variable is taken out of the environment when it is read.
typedef enum view_name { VIEW_ROOT, VIEW_MOUNTS, VIEW_PIPES, VIEW_ADDRESS, VIEW_HOSTNAME } view_name;

const WCHAR *view_variable(view_name which); // kept for the life of the process; NULL when it is not set
void view_enter(void);                       // takes the container's working directory; after the hooks are in place
// An environment with the view in it, for a process that starts in the container's "directory", NULL when that is the host's too.
WCHAR *view_environment(const WCHAR *old, const UNICODE_STRING *directory, SIZE_T *size);
BOOL view_in(const WCHAR *environment); // whether it has a view

// ---- text.c

ULONG text_length(const WCHAR *text);
ULONG text8_length(const char *text);
BOOL text_prefix(const WCHAR *text, ULONG length, const WCHAR *prefix, ULONG prefix_length); // case-insensitive
void *memory_get(SIZE_T size); // zeroed, or NULL
void memory_free(void *memory);

#endif
