// The system calls go to the kernel as they are: Wine's programs run in Unix processes, and nothing stands between.
#include "linux.h"

enum {
    CALL_CLOSE = 3,
    CALL_STAT = 4,
    CALL_LSTAT = 6,
    CALL_OPEN = 2,
    CALL_RENAME = 82,
    CALL_LINK = 86,
    CALL_UNLINK = 87,
    CALL_SYMLINK = 88,
    CALL_READLINK = 89,
    CALL_GETDENTS64 = 217,
    CALL_NONE = 0x3fff, // neither Linux nor Windows has it
};

#define NO_SUCH_CALL (-38) // ENOSYS
#define OPEN_DIRECTORY 0x90000 // O_DIRECTORY | O_CLOEXEC, for reading
#define INTERRUPTED (-4)       // EINTR

static LONG64 raw(LONG64 number, LONG64 a, LONG64 b, LONG64 c)
{
    LONG64 result;

    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static int call(LONG64 number, const void *a, const void *b, LONG64 c)
{
    LONG64 result;

    do
        result = raw(number, (LONG64)a, (LONG64)b, c);
    while (result == INTERRUPTED);
    return (int)result;
}

BOOL linux_there(void)
{
    return raw(CALL_NONE, 0, 0, 0) == NO_SUCH_CALL;
}

int linux_stat(const char *path, linux_stat_t *st) { return call(CALL_STAT, path, st, 0); }

int linux_lstat(const char *path, linux_stat_t *st) { return call(CALL_LSTAT, path, st, 0); }

int linux_readlink(const char *path, char *text, int size)
{
    int length = call(CALL_READLINK, path, text, size);

    if (length >= size)
        return -LINUX_ENOENT;
    if (length >= 0)
        text[length] = 0;
    return length;
}

int linux_symlink(const char *text, const char *path) { return call(CALL_SYMLINK, text, path, 0); }

int linux_link(const char *from, const char *to) { return call(CALL_LINK, from, to, 0); }

int linux_unlink(const char *path) { return call(CALL_UNLINK, path, NULL, 0); }

int linux_rename(const char *from, const char *to) { return call(CALL_RENAME, from, to, 0); }

int linux_open_directory(const char *path) { return call(CALL_OPEN, path, (void *)OPEN_DIRECTORY, 0); }

int linux_read_directory(int descriptor, void *buffer, int size)
{
    return call(CALL_GETDENTS64, (void *)(LONG64)descriptor, buffer, size);
}

void linux_close(int descriptor) { raw(CALL_CLOSE, descriptor, 0, 0); }

NTSTATUS linux_status(int error)
{
    switch (-error) {
    case 1:  // EPERM
    case 13: // EACCES
        return STATUS_ACCESS_DENIED;
    case LINUX_ENOENT:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    case LINUX_EEXIST:
        return STATUS_OBJECT_NAME_COLLISION;
    case LINUX_ENOTDIR:
        return STATUS_OBJECT_PATH_NOT_FOUND;
    case LINUX_EISDIR:
        return STATUS_FILE_IS_A_DIRECTORY;
    case 28: // ENOSPC
        return STATUS_DISK_FULL;
    case 30: // EROFS
        return STATUS_MEDIA_WRITE_PROTECTED;
    case 36: // ENAMETOOLONG
        return STATUS_OBJECT_NAME_INVALID;
    }
    return STATUS_UNSUCCESSFUL;
}
