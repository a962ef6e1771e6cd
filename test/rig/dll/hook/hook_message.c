// Windows' texts of the errors that show up in HCS clients' messages: Wine has other words for some, and none for HCS's own. Texts as
// in winerror.h of the Windows SDK.
#include "hook.h"

typedef DWORD(WINAPI *FormatMessageW_t)(DWORD, LPCVOID, DWORD, DWORD, LPWSTR, DWORD, va_list *);

static FormatMessageW_t real_FormatMessageW;

typedef struct message {
    DWORD code;
    PCWSTR text;
} message;

static const message messages[] = {
    {1, L"Incorrect function."},
    {2, L"The system cannot find the file specified."},
    {3, L"The system cannot find the path specified."},
    {5, L"Access is denied."},
    {6, L"The handle is invalid."},
    {13, L"The data is invalid."},
    {21, L"The device is not ready."},
    {32, L"The process cannot access the file because it is being used by another process."},
    {50, L"The request is not supported."},
    {80, L"The file exists."},
    {87, L"The parameter is incorrect."},
    {109, L"The pipe has been ended."},
    {122, L"The data area passed to a system call is too small."},
    {123, L"The filename, directory name, or volume label syntax is incorrect."},
    {126, L"The specified module could not be found."},
    {127, L"The specified procedure could not be found."},
    {145, L"The directory is not empty."},
    {183, L"Cannot create a file when that file already exists."},
    {193, L"%1 is not a valid Win32 application."},
    {231, L"All pipe instances are busy."},
    {232, L"The pipe is being closed."},
    {233, L"No process is on the other end of the pipe."},
    {258, L"The wait operation timed out."},
    {267, L"The directory name is invalid."},
    {995, L"The I/O operation has been aborted because of either a thread exit or an application request."},
    {1167, L"The device is not connected."},
    {1168, L"Element not found."},
};

// HCS_E_* of 0x8037xxxx and ERROR_VMCOMPUTE_* of 0xC037xxxx share their low half and their text.
static const message hcs_messages[] = {
    {0x0100, L"The virtual machine or container exited unexpectedly while starting."},
    {0x0101, L"The container operating system does not match the host operating system."},
    {0x0102, L"The virtual machine could not be started because a required feature is not installed."},
    {0x0103, L"The call to start an asynchronous operation succeeded and the operation is performed in the background."},
    {0x0104, L"The supported number of notification callbacks has been exceeded."},
    {0x0105, L"The requested virtual machine or container operation is not valid in the current state."},
    {0x0106, L"The virtual machine or container exited unexpectedly."},
    {0x0107, L"The virtual machine or container was forcefully exited."},
    {0x0108, L"A connection could not be established with the container or virtual machine."},
    {0x0109, L"The operation timed out because a response was not received from the virtual machine or container."},
    {0x010A, L"The connection with the virtual machine or container was closed."},
    {0x010B, L"An unknown internal message was received by the virtual machine or container."},
    {0x010C, L"The virtual machine or container does not support an available version of the communication protocol with the host."},
    {0x010D, L"The virtual machine or container JSON document is invalid."},
    {0x010E, L"A virtual machine or container with the specified identifier does not exist."},
    {0x010F, L"A virtual machine or container with the specified identifier already exists."},
    {0x0110, L"The virtual machine or container with the specified identifier is not running."},
    {0x0111, L"A communication protocol error has occurred between the virtual machine or container and the host."},
    {0x0112, L"The container image contains a layer with an unrecognized format."},
    {0x0114, L"The operation could not be started because a required feature is not installed."},
    {0x0115, L"The operation has not started."},
    {0x0116, L"The operation is already running."},
    {0x0117, L"The operation is still running."},
    {0x0118, L"The operation did not complete in time."},
    {0x0119, L"An event callback has already been registered on this handle."},
    {0x011A, L"Not enough memory available to return the result of the operation."},
    {0x011B, L"Insufficient privileges. Only administrators or users that are members of the Hyper-V Administrators user group are "
             L"permitted to access virtual machines or containers."},
    {0x011C, L"The virtual machine or container reported a critical error and was stopped or restarted."},
    {0x011D, L"The process information is not available."},
    {0x011E, L"The host compute system service has disconnected unexpectedly."},
    {0x011F, L"The process has already exited."},
};

static PCWSTR find(const message *table, ULONG count, DWORD code)
{
    for (ULONG i = 0; i < count; i++)
        if (table[i].code == code)
            return table[i].text;
    return NULL;
}

static PCWSTR text_of(DWORD code)
{
    DWORD family = code >> 16;

    if (family == 0x8037 || family == 0xC037)
        return find(hcs_messages, ARRAYSIZE(hcs_messages), code & 0xFFFF);
    if (family == 0x8007)
        code &= 0xFFFF;
    return find(messages, ARRAYSIZE(messages), code);
}

// As FormatMessage does: in the caller's buffer, or in one that LocalFree releases.
static DWORD give(PCWSTR text, DWORD flags, LPWSTR buffer, DWORD size)
{
    static const WCHAR end[] = L"\r\n";
    DWORD length = text_length(text);
    DWORD total = length + ARRAYSIZE(end) - 1;

    if (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) {
        WCHAR *memory = LocalAlloc(LMEM_FIXED, (total + 1 > size ? total + 1 : size) * sizeof(WCHAR));
        if (!memory)
            return 0;
        *(LPWSTR *)buffer = memory;
        buffer = memory;
    } else if (size <= total) {
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
        return 0;
    }
    memcpy(buffer, text, length * sizeof(WCHAR));
    memcpy(buffer + length, end, sizeof end);
    return total;
}

// Only for callers that want the text as it is: with inserts or line breaking, or a module's own texts first, the original answers.
static DWORD WINAPI hook_FormatMessageW(DWORD flags, LPCVOID source, DWORD code, DWORD language, LPWSTR buffer, DWORD size,
                                        va_list *arguments)
{
    BOOL plain = flags & FORMAT_MESSAGE_FROM_SYSTEM && flags & FORMAT_MESSAGE_IGNORE_INSERTS &&
                 !(flags & (FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_MAX_WIDTH_MASK));
    PCWSTR text = plain && buffer ? text_of(code) : NULL;

    if (text)
        return give(text, flags, buffer, size);
    return real_FormatMessageW(flags, source, code, language, buffer, size, arguments);
}

void hook_message(void)
{
    patch_kernel32("FormatMessageW", hook_FormatMessageW, (void **)&real_FormatMessageW);
}
