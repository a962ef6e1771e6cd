// Processes that this one starts.
//
// From within a container: Wine opens their program and working directory in its Unix part, below the hooks, so that both are given
// as the host names them; and the new process gets the container's view in its environment, also when its parent made it an
// environment of its own.
//
// Into a container, from the service or from within: the new process loads this DLL before its first instruction, since it need not
// be a Go program, which would do so by itself.
#include "hook.h"

#define ATTRIBUTE_IMAGE_NAME 0x00020005
#define CLASS_WOW64 26
#define CONSOLE_NEW ((HANDLE)-1) // Wine's CONSOLE_HANDLE_ALLOC

typedef struct ps_attribute {
    ULONG_PTR attribute;
    SIZE_T size;
    void *value;
    SIZE_T *returned;
} ps_attribute;

typedef struct ps_attribute_list {
    SIZE_T total;
    ps_attribute attributes[1];
} ps_attribute_list;

// The parts of RTL_USER_PROCESS_PARAMETERS that matter here, at their places.
typedef struct process_parameters {
    BYTE before[0x10];
    HANDLE console;
    ULONG console_flags;
    HANDLE standard[3];
    UNICODE_STRING directory;
    HANDLE directory_handle;
    UNICODE_STRING dll_path;
    UNICODE_STRING image;
    UNICODE_STRING command_line;
    WCHAR *environment;
    BYTE between[0x3F0 - 0x88];
    SIZE_T environment_size; // bytes
} process_parameters;

typedef NTSTATUS(NTAPI *NtCreateUserProcess_t)(PHANDLE, PHANDLE, ACCESS_MASK, ACCESS_MASK, OBJECT_ATTRIBUTES *, OBJECT_ATTRIBUTES *,
                                               ULONG, ULONG, process_parameters *, void *, ps_attribute_list *);

static NtCreateUserProcess_t real_NtCreateUserProcess;

static ps_attribute *image_attribute(ps_attribute_list *list)
{
    SIZE_T count = list ? (list->total - sizeof list->total) / sizeof *list->attributes : 0;

    for (SIZE_T i = 0; i < count; i++)
        if (list->attributes[i].attribute == ATTRIBUTE_IMAGE_NAME)
            return &list->attributes[i];
    return NULL;
}

// Resolves a name of the object manager. TRUE when it is another one now, which *out holds.
static BOOL resolve(WCHAR *text, SIZE_T bytes, name *out)
{
    UNICODE_STRING string = {(USHORT)bytes, (USHORT)bytes, text};
    OBJECT_ATTRIBUTES attributes;

    InitializeObjectAttributes(&attributes, &string, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return name_resolve(&attributes, FALSE, out) != &attributes;
}

// A name of the object manager as a path: without its \??\ .
static UNICODE_STRING as_path(const name *n)
{
    UNICODE_STRING path = {n->text.Length - 8, n->text.Length - 8, n->text.Buffer + 4};
    return path;
}

static BOOL resolve_directory(const UNICODE_STRING *directory, name *out)
{
    name given = {.heap = NULL};
    BOOL changed = name_of_host(&given, directory->Buffer, directory->Length / sizeof(WCHAR)) &&
                   resolve(given.text.Buffer, given.text.Length, out);
    name_free(&given);
    return changed;
}

// A container's process has no console. What it starts would be given a new one, and Wine then puts the console in the place of the
// standard handles, where Windows keeps those that are inherited: the output would be lost. So it gets none either.
static void keep_standard_handles(process_parameters *parameters)
{
    const process_parameters *own = (const void *)RtlGetCurrentPeb()->ProcessParameters;

    if (!own->console && parameters->console == CONSOLE_NEW && parameters->standard[1] == own->standard[1])
        parameters->console = NULL;
}

// Queues the loading of this DLL as the first thing that the process's first thread does, once the process is set up. kernel32 is at
// the same place in all of Wine's processes of one kind.
static NTSTATUS load_into(HANDLE process, HANDLE thread)
{
    static const WCHAR dll[] = L"C:\\windows\\system32\\bcryptprimitives.dll";
    ULONG_PTR wow64 = 0;
    void *text = NULL;
    SIZE_T size = sizeof dll;

    if (NT_SUCCESS(real_NtQueryInformationProcess(process, CLASS_WOW64, &wow64, sizeof wow64, NULL)) && wow64) {
        report("a 32-bit program does not see the container's drive C:");
        return 0;
    }
    NTSTATUS status = NtAllocateVirtualMemory(process, &text, 0, &size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (NT_SUCCESS(status))
        status = NtWriteVirtualMemory(process, text, dll, sizeof dll, NULL);
    if (NT_SUCCESS(status))
        status = NtQueueApcThread(thread, (void *)LoadLibraryW, (ULONG_PTR)text, 0, 0);
    return status;
}

static SRWLOCK creating = SRWLOCK_INIT;

// Once in some thousand starts, on Wine 8 without its preloader, the Unix process that is to become the new one is gone before its first
// instruction, and the call ends with a status that Windows has no use for here. Nothing has run then: it is made again.
//
// One after the other: what another thread starts at the same time inherits the Unix socket of the new process, so that Wine's server does
// not see that it is gone, and the call never ends.
static NTSTATUS create(PHANDLE process, PHANDLE thread, ACCESS_MASK process_access, ACCESS_MASK thread_access,
                       OBJECT_ATTRIBUTES *process_attributes, OBJECT_ATTRIBUTES *thread_attributes, ULONG process_flags,
                       ULONG thread_flags, process_parameters *parameters, void *info, ps_attribute_list *list)
{
    for (int tries = 1;; tries++) {
        AcquireSRWLockExclusive(&creating);
        NTSTATUS status = real_NtCreateUserProcess(process, thread, process_access, thread_access, process_attributes,
                                                   thread_attributes, process_flags, thread_flags, parameters, info, list);
        ReleaseSRWLockExclusive(&creating);
        if (status != STATUS_INTERNAL_ERROR || tries == 3)
            return status;
        report("a process ended before it began, and is started again");
    }
}

static NTSTATUS NTAPI hook_NtCreateUserProcess(PHANDLE process, PHANDLE thread, ACCESS_MASK process_access, ACCESS_MASK thread_access,
                                               OBJECT_ATTRIBUTES *process_attributes, OBJECT_ATTRIBUTES *thread_attributes,
                                               ULONG process_flags, ULONG thread_flags, process_parameters *parameters, void *info,
                                               ps_attribute_list *list)
{
    ps_attribute *image = image_attribute(list);
    name program = {.heap = NULL};
    name directory = {.heap = NULL};
    WCHAR *environment = NULL;

    if (!image || !parameters)
        return create(process, thread, process_access, thread_access, process_attributes, thread_attributes, process_flags,
                      thread_flags, parameters, info, list);
    ps_attribute old_image = *image;
    process_parameters old = *parameters;
    if (view_active()) {
        keep_standard_handles(parameters);
        if (resolve(image->value, image->size, &program)) {
            image->value = program.text.Buffer;
            image->size = program.text.Length;
            parameters->image = as_path(&program);
        }
        BOOL moved = resolve_directory(&parameters->directory, &directory);
        if (moved)
            parameters->directory = as_path(&directory);
        environment = view_environment(old.environment, moved ? &old.directory : NULL, &parameters->environment_size);
        if (environment)
            parameters->environment = environment;
    }
    NTSTATUS status = STATUS_NO_MEMORY;
    if (environment || !view_active())
        status = create(process, thread, process_access, thread_access, process_attributes, thread_attributes, process_flags,
                        thread_flags, parameters, info, list);
    if (NT_SUCCESS(status) && view_in(parameters->environment) && !NT_SUCCESS(load_into(*process, *thread)))
        report("a container's process was started without its view");
    // The caller releases what it made.
    *image = old_image;
    *parameters = old;
    memory_free(environment);
    name_free(&program);
    name_free(&directory);
    return status;
}

void hook_create(void)
{
    patch_syscall("NtCreateUserProcess", hook_NtCreateUserProcess, (void **)&real_NtCreateUserProcess);
}
