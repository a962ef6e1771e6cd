// Accepting on Unix sockets. AcceptEx works as it is; the addresses that it leaves in its buffer are TCP's.
#include "unix_socket.h"

typedef SOCKET(WSAAPI *accept_t)(SOCKET, struct sockaddr *, int *);
typedef SOCKET(WSAAPI *WSAAccept_t)(SOCKET, struct sockaddr *, int *, LPCONDITIONPROC, DWORD_PTR);
typedef void(WSAAPI *GetAcceptExSockaddrs_t)(void *, DWORD, DWORD, DWORD, struct sockaddr **, int *, struct sockaddr **, int *);

static accept_t real_accept;
static WSAAccept_t real_WSAAccept;
static GetAcceptExSockaddrs_t real_GetAcceptExSockaddrs;

// An accepted socket: its client has no name.
static SOCKET accepted(SOCKET s, struct sockaddr *address, int *length)
{
    if (s == INVALID_SOCKET)
        return s;
    if (!unix_add(s)) {
        CloseHandle((HANDLE)s);
        SetLastError(WSAENOBUFS);
        return INVALID_SOCKET;
    }
    if (address && length)
        unix_write("", address, length);
    return s;
}

static SOCKET WSAAPI hook_accept(SOCKET listener, struct sockaddr *address, int *length)
{
    unix_socket s;

    if (!unix_get(listener, &s))
        return real_accept(listener, address, length);
    return accepted(real_accept(listener, NULL, NULL), address, length);
}

static SOCKET WSAAPI hook_WSAAccept(SOCKET listener, struct sockaddr *address, int *length, LPCONDITIONPROC condition, DWORD_PTR data)
{
    unix_socket s;

    if (!unix_get(listener, &s))
        return real_WSAAccept(listener, address, length, condition, data);
    return accepted(real_WSAAccept(listener, NULL, NULL, condition, data), address, length);
}

// The caller does not say which socket it asks about: it is one of these when it was accepted where one listens. The addresses are
// written where the others were, at whose size the caller has given room for those of the kind it knows.
static void WSAAPI hook_GetAcceptExSockaddrs(void *buffer, DWORD data, DWORD local_room, DWORD remote_room, struct sockaddr **local,
                                             int *local_length, struct sockaddr **remote, int *remote_length)
{
    unix_socket s;

    real_GetAcceptExSockaddrs(buffer, data, local_room, remote_room, local, local_length, remote, remote_length);
    const struct sockaddr_in *in = (const struct sockaddr_in *)*local;
    if (!in || in->sin_family != AF_INET || !unix_listener(in->sin_addr.s_addr, in->sin_port, &s))
        return;
    // Wine keeps a length before each address, in the room that the caller gave.
    *local_length = (int)(local_room - sizeof(int));
    *remote_length = (int)(remote_room - sizeof(int));
    unix_write(s.own, *local, local_length);
    unix_write("", *remote, remote_length);
}

void *unix_accept_addresses(void)
{
    return hook_GetAcceptExSockaddrs;
}

void hook_unix_accept(HMODULE winsock, HMODULE extensions)
{
    real_accept = (accept_t)patch_export(winsock, "accept", hook_accept);
    real_WSAAccept = (WSAAccept_t)patch_export(winsock, "WSAAccept", hook_WSAAccept);
    real_GetAcceptExSockaddrs = (GetAcceptExSockaddrs_t)patch_export(extensions, "GetAcceptExSockaddrs", hook_GetAcceptExSockaddrs);
}
