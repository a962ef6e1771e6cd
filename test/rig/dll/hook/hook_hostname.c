// The name of the machine that a container's program sees: the container's host name (HCSSIM_HOSTNAME, from the service), where Wine has
// one for all. GetComputerNameW and os.Hostname of Go end here too; Winsock's gethostname and the ANSI forms do not.
#include "hook.h"

#define NETBIOS_LENGTH 15 // learn.microsoft.com, GetComputerNameW: MAX_COMPUTERNAME_LENGTH

// In capitals and cut, as the name is for NetBIOS.
static ULONG netbios(const WCHAR *host, WCHAR *out)
{
    ULONG length = 0;

    for (; length < NETBIOS_LENGTH && host[length]; length++)
        out[length] = RtlUpcaseUnicodeChar(host[length]);
    return length;
}

static BOOL WINAPI hook_GetComputerNameExW(COMPUTER_NAME_FORMAT format, WCHAR *out, DWORD *size)
{
    const WCHAR *name = view_variable(VIEW_HOSTNAME);
    WCHAR cut[NETBIOS_LENGTH];
    ULONG length = text_length(name);

    switch (format) {
    case ComputerNameNetBIOS:
    case ComputerNamePhysicalNetBIOS:
        length = netbios(name, cut);
        name = cut;
        break;
    case ComputerNameDnsDomain:
    case ComputerNamePhysicalDnsDomain:
        length = 0; // the name is without one
        break;
    case ComputerNameDnsHostname:
    case ComputerNameDnsFullyQualified:
    case ComputerNamePhysicalDnsHostname:
    case ComputerNamePhysicalDnsFullyQualified:
        break;
    default:
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    if (!size || (!out && *size)) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    // learn.microsoft.com, GetComputerNameExW: the size that is needed counts the terminator, the size of success does not.
    if (*size <= length) {
        *size = length + 1;
        SetLastError(ERROR_MORE_DATA);
        return FALSE;
    }
    memcpy(out, name, length * sizeof(WCHAR));
    out[length] = 0;
    *size = length;
    return TRUE;
}

void hook_hostname(void)
{
    if (view_variable(VIEW_HOSTNAME))
        patch_kernel32("GetComputerNameExW", hook_GetComputerNameExW, NULL);
}
