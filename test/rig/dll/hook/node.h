// The programs of a Kubernetes node, which HCSSIM_NODE=1 in the environment makes of this process and of those that it starts, containers'
// excepted: they see drive C: alone, and have the symbolic links and the Unix sockets that Wine has not.
#ifndef HOOK_NODE_H
#define HOOK_NODE_H

#include "hook.h"
#include "linux.h"

// ---- node.c

void hook_node(BOOL container); // installs all of it, when this is such a process
BOOL node_active(void);
BOOL node_name(name *n); // rewrites a name of Z: or of a Unix path to one of C:, as names.c does others

// ---- link_path.c: names of Windows and of Unix

BOOL paths_load(void);
// The Unix path of an object's name, through the links before its last part. Without "make" the file must be there, with it only its
// directory. "path" has UNIX_PATH_MAX bytes.
NTSTATUS unix_path(const OBJECT_ATTRIBUTES *attributes, BOOL make, char *path);
// The same of a path as a program writes it.
NTSTATUS unix_path_of(PCWSTR path, BOOL make, char *out);
// The object name of a Unix path, \??\C:\…, to be freed; NULL when there is none.
WCHAR *windows_name(const char *path);
BOOL to_utf8(const WCHAR *text, ULONG length, char *out, ULONG size); // "out" gets a terminator
ULONG to_utf16(const char *text, WCHAR *out, ULONG count);            // the length, without a terminator

// ---- link_text.c: what a link's text says

#define TAG_SYMLINK 0xA000000C
#define TAG_AF_UNIX 0x80000023

typedef struct link_text {
    ULONG tag;
    BOOL directory; // the link was made for one, or leads to one
    BOOL relative;  // SYMLINK_FLAG_RELATIVE
    ULONG length;   // of the target
    WCHAR target[UNIX_PATH_MAX];
} link_text;

// Reads the link. FALSE when the path is none.
BOOL link_read(const char *path, link_text *out);
// Whether the path is a link, and of which kind: cheaper than reading it.
BOOL link_look(const char *path, ULONG *tag, BOOL *directory);
// Makes the link at a path that must not be there.
NTSTATUS link_make(const char *path, PCWSTR target, BOOL directory);
// The address behind a socket file, network byte order. FALSE when it is none.
BOOL socket_read(const char *path, ULONG *address, USHORT *port);
NTSTATUS socket_make(const char *path, ULONG address, USHORT port);

// ---- link_table.c: handles that stand for something else than Wine knows

BOOL link_keep(HANDLE handle, const char *path, BOOL remove); // "remove" at its close
BOOL link_find(HANDLE handle, char *path); // UNIX_PATH_MAX bytes; FALSE for a handle that is no link's
void link_moved(HANDLE handle, const char *path);
void link_removed_at_close(HANDLE handle, BOOL remove);
void hook_close(void);

// ---- link_open.c

// Opens the link that a name stands for, if it is one that has to be opened itself. FALSE leaves the call to Wine.
BOOL link_open(PHANDLE handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes, PIO_STATUS_BLOCK io, ULONG disposition, ULONG options,
               NTSTATUS *status);
// The error of opening what a name stands for, when Wine found nothing there.
NTSTATUS link_dangling(const OBJECT_ATTRIBUTES *attributes, NTSTATUS status);
// Attributes by name, of a link's own. "full" is FILE_NETWORK_OPEN_INFORMATION, else FILE_BASIC_INFORMATION.
BOOL link_attributes(const OBJECT_ATTRIBUTES *attributes, BOOL full, PVOID information);

// ---- link_info.c, link_set.c, link_list.c, link_create.c

void hook_link_queries(void);
BOOL link_set(HANDLE handle, PIO_STATUS_BLOCK io, const void *information, ULONG length, ULONG class, NTSTATUS *status);
#define ATTRIBUTE_SOCKET 0x00040000 // between a list and FindFirstFile: the file is a socket's

// What keeps a file that is no link from being renamed to a name that is one.
NTSTATUS link_in_the_way(const OBJECT_ATTRIBUTES *target, const rename_information *in, ULONG class);
void hook_link_lists(void);
void list_forget(HANDLE directory);
void hook_link_create(void);

// ---- unix_*.c

void hook_unix_sockets(void);
void socket_forget(HANDLE socket);

// ---- original system calls

extern NtOpenFile_t real_NtOpenFile;

#endif
