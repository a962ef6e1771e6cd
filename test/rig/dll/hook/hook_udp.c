// Two switches of UDP sockets, which Go sets on each and Wine 8 does not know: whether the answer that nobody listens at the other end, or
// that it cannot be reached, ends a receive (SIO_UDP_CONNRESET, SIO_UDP_NETRESET). Off is what Go wants, and near enough what Linux does
// for a socket that is not connected; so that saying yes is enough.
#include "hook.h"

#define UDP_CONNRESET 0x9800000C
#define UDP_NETRESET 0x9800000F

// As declared in winsock2.h, which windows.h must not have come before.
typedef int(WINAPI *WSAIoctl_t)(UINT_PTR, DWORD, void *, DWORD, void *, DWORD, DWORD *, OVERLAPPED *, void *);

static WSAIoctl_t real_WSAIoctl;

static int WINAPI hook_WSAIoctl(UINT_PTR socket, DWORD code, void *in, DWORD in_size, void *out, DWORD out_size, DWORD *returned,
                                OVERLAPPED *overlapped, void *completion)
{
    if ((code == UDP_CONNRESET || code == UDP_NETRESET) && !overlapped) {
        if (returned)
            *returned = 0;
        return 0;
    }
    return real_WSAIoctl(socket, code, in, in_size, out, out_size, returned, overlapped, completion);
}

void hook_udp(void)
{
    HMODULE winsock = LoadLibraryW(L"ws2_32.dll"); // every Go program loads it at its start

    if (winsock)
        real_WSAIoctl = (WSAIoctl_t)patch_export(winsock, "WSAIoctl", hook_WSAIoctl);
}
