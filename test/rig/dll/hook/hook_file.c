// Opening files by name, and changing names: where volume names and a container's view come in. And deleting, as Go does it.
#include "node.h"

static NtCreateFile_t real_NtCreateFile;
NtOpenFile_t real_NtOpenFile;
static NtQueryAttributesFile_t real_NtQueryFullAttributesFile;
static NtSetInformationFile_t real_NtSetInformationFile;
NtQueryAttributesFile_t real_NtQueryAttributesFile;

// A file in a read-only mount can be asked for "whatever is allowed": that is reading.
static ACCESS_MASK read_only_access(ACCESS_MASK access)
{
    if (access & MAXIMUM_ALLOWED)
        access = (access & ~(ACCESS_MASK)MAXIMUM_ALLOWED) | FILE_GENERIC_READ | FILE_GENERIC_EXECUTE;
    return access;
}

static NTSTATUS NTAPI hook_NtCreateFile(PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK io,
                                        PLARGE_INTEGER size, ULONG file_attributes, ULONG share, ULONG disposition, ULONG options,
                                        PVOID ea, ULONG ea_length)
{
    name n;
    NTSTATUS status = STATUS_ACCESS_DENIED;
    BOOL writes = disposition != DISPOSITION_OPEN || access & ACCESS_WRITES || options & OPTION_DELETE_ON_CLOSE;

    attributes = name_resolve(attributes, writes, &n);
    if (!n.read_only || !writes) {
        if (n.read_only)
            access = read_only_access(access);
        if (!node_active() || !link_open(handle, access, attributes, io, disposition, options, &status))
            status = real_NtCreateFile(handle, access, attributes, io, size, file_attributes, share, disposition, options, ea, ea_length);
        if (node_active() && !NT_SUCCESS(status))
            status = link_dangling(attributes, status);
    }
    name_free(&n);
    return status;
}

static NTSTATUS NTAPI hook_NtOpenFile(PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes, PIO_STATUS_BLOCK io,
                                      ULONG share, ULONG options)
{
    name n;
    NTSTATUS status = STATUS_ACCESS_DENIED;
    BOOL writes = access & ACCESS_WRITES || options & OPTION_DELETE_ON_CLOSE;

    attributes = name_resolve(attributes, writes, &n);
    if (!n.read_only || !writes) {
        if (n.read_only)
            access = read_only_access(access);
        if (!node_active() || !link_open(handle, access, attributes, io, DISPOSITION_OPEN, options, &status))
            status = real_NtOpenFile(handle, access, attributes, io, share, options);
        if (node_active() && !NT_SUCCESS(status))
            status = link_dangling(attributes, status);
    }
    name_free(&n);
    return status;
}

static NTSTATUS NTAPI hook_NtQueryAttributesFile(POBJECT_ATTRIBUTES attributes, PVOID information)
{
    name n;
    NTSTATUS status = 0;

    attributes = name_resolve(attributes, FALSE, &n);
    if (!node_active() || !link_attributes(attributes, FALSE, information))
        status = real_NtQueryAttributesFile(attributes, information);
    name_free(&n);
    return status;
}

static NTSTATUS NTAPI hook_NtQueryFullAttributesFile(POBJECT_ATTRIBUTES attributes, PVOID information)
{
    name n;
    NTSTATUS status = 0;

    attributes = name_resolve(attributes, FALSE, &n);
    if (!node_active() || !link_attributes(attributes, TRUE, information))
        status = real_NtQueryFullAttributesFile(attributes, information);
    name_free(&n);
    return status;
}

// A rename or link names its target: it is a file about to be made.
static NTSTATUS rename_to(HANDLE file, PIO_STATUS_BLOCK io, const rename_information *in, ULONG length, ULONG class)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING text;
    name n;
    NTSTATUS status = STATUS_ACCESS_DENIED;

    if (length < FIELD_OFFSET(rename_information, target) || in->length > length - FIELD_OFFSET(rename_information, target) ||
        in->length > MAXWORD)
        return STATUS_INFO_LENGTH_MISMATCH;
    text.Buffer = (PWSTR)in->target;
    text.Length = text.MaximumLength = (USHORT)in->length;
    InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, in->root, NULL);
    OBJECT_ATTRIBUTES *resolved = name_resolve(&attributes, TRUE, &n);
    UNICODE_STRING *target = resolved->ObjectName;
    NTSTATUS in_the_way = node_active() ? link_in_the_way(resolved, in, class) : 0;
    if (!NT_SUCCESS(in_the_way)) {
        status = in_the_way;
    } else if (!n.read_only) {
        ULONG size = FIELD_OFFSET(rename_information, target) + target->Length + sizeof(WCHAR);
        rename_information *out = memory_get(size);
        status = STATUS_NO_MEMORY;
        if (out) {
            out->flags = in->flags;
            out->root = in->root;
            out->length = target->Length;
            memcpy(out->target, target->Buffer, target->Length);
            status = real_NtSetInformationFile(file, io, out, size, class);
        }
        memory_free(out);
    }
    name_free(&n);
    return status;
}

// Takes the read-only attribute from a file whose handle may not: through a second handle on the same file.
static NTSTATUS make_writable(HANDLE file)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING empty = {0, 0, NULL};
    IO_STATUS_BLOCK io;
    basic_information basic = {{{{0}}}, FILE_ATTRIBUTE_NORMAL, 0}; // times of 0 stay as they are
    HANDLE again;

    InitializeObjectAttributes(&attributes, &empty, 0, file, NULL);
    NTSTATUS status = real_NtOpenFile(&again, FILE_WRITE_ATTRIBUTES, &attributes, &io,
                                      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, OPTION_OPEN_REPARSE_POINT);
    if (!NT_SUCCESS(status))
        return status;
    status = real_NtSetInformationFile(again, &io, &basic, sizeof basic, CLASS_BASIC);
    NtClose(again);
    return status;
}

// os.RemoveAll asks for FileDispositionInformationEx, which Wine 8 does not know, and does not fall back on the error it gets
// (hcs-api §8.3). The plain class differs in when the name goes, and in refusing read-only files.
static NTSTATUS dispose(HANDLE file, PIO_STATUS_BLOCK io, const ULONG *flags)
{
    BYTE remove = (*flags & DISPOSITION_EX_DELETE) != 0;
    NTSTATUS status = real_NtSetInformationFile(file, io, &remove, sizeof remove, CLASS_DISPOSITION);

    if (status == STATUS_CANNOT_DELETE && *flags & DISPOSITION_EX_IGNORE_READONLY && NT_SUCCESS(make_writable(file)))
        status = real_NtSetInformationFile(file, io, &remove, sizeof remove, CLASS_DISPOSITION);
    return status;
}

static NTSTATUS NTAPI hook_NtSetInformationFile(HANDLE file, PIO_STATUS_BLOCK io, PVOID information, ULONG length, ULONG class)
{
    NTSTATUS status;

    if (node_active() && link_set(file, io, information, length, class, &status))
        return status;
    switch (class) {
    case CLASS_DISPOSITION_EX:
        if (length >= sizeof(ULONG))
            return dispose(file, io, information);
        break;
    case CLASS_RENAME:
    case CLASS_RENAME_EX:
    case CLASS_LINK:
    case CLASS_LINK_EX:
        return rename_to(file, io, information, length, class);
    }
    return real_NtSetInformationFile(file, io, information, length, class);
}

void hook_files(void)
{
    patch_syscall("NtQueryAttributesFile", hook_NtQueryAttributesFile, (void **)&real_NtQueryAttributesFile);
    patch_syscall("NtQueryFullAttributesFile", hook_NtQueryFullAttributesFile, (void **)&real_NtQueryFullAttributesFile);
    patch_syscall("NtCreateFile", hook_NtCreateFile, (void **)&real_NtCreateFile);
    patch_syscall("NtOpenFile", hook_NtOpenFile, (void **)&real_NtOpenFile);
    patch_syscall("NtSetInformationFile", hook_NtSetInformationFile, (void **)&real_NtSetInformationFile);
}
