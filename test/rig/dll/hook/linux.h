// Linux's own system calls, for what Wine has no call for: symbolic links. Results are as the kernel gives them, negative for an error.
#ifndef HOOK_LINUX_H
#define HOOK_LINUX_H

#include "nt.h"

#define UNIX_PATH_MAX 4096

enum { LINUX_ENOENT = 2, LINUX_EEXIST = 17, LINUX_ENOTDIR = 20, LINUX_EISDIR = 21 };

// struct stat of x86-64.
typedef struct linux_stat_t {
    ULONG64 dev, ino, nlink;
    ULONG mode, uid, gid, pad;
    ULONG64 rdev, size, block_size, blocks;
    ULONG64 access_time, access_nanoseconds, change_time, change_nanoseconds, status_time, status_nanoseconds;
    ULONG64 unused[3];
} linux_stat_t;

#define LINUX_IS_DIR(mode) (((mode) & 0170000) == 0040000)
#define LINUX_IS_LINK(mode) (((mode) & 0170000) == 0120000)

// FALSE when this Wine takes a program's system calls for Windows', as newer ones do for programs that make them; nothing else here may
// be called then.
BOOL linux_there(void);

int linux_stat(const char *path, linux_stat_t *st);  // what a link leads to
int linux_lstat(const char *path, linux_stat_t *st); // the link
// The link's text with a terminator; the length, or an error. Texts of size-1 and more are an error.
int linux_readlink(const char *path, char *text, int size);
int linux_symlink(const char *text, const char *path);
int linux_link(const char *from, const char *to);
int linux_unlink(const char *path);
int linux_rename(const char *from, const char *to);
int linux_open_directory(const char *path); // a descriptor
int linux_read_directory(int descriptor, void *buffer, int size); // linux_dirent64 records, 0 at the end
void linux_close(int descriptor);
NTSTATUS linux_status(int error); // of a negative result

#endif
