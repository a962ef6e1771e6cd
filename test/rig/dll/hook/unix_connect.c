// Connecting Unix sockets, by the functions of Winsock and by ConnectEx, which a program asks for by its GUID.
#include "unix_socket.h"

typedef int(WSAAPI *connect_t)(SOCKET, const struct sockaddr *, int);
typedef int(WSAAPI *WSAConnect_t)(SOCKET, const struct sockaddr *, int, void *, void *, void *, void *);
typedef int(WSAAPI *WSAIoctl_t)(SOCKET, DWORD, void *, DWORD, void *, DWORD, DWORD *, OVERLAPPED *, void *);

static connect_t real_connect;
static WSAConnect_t real_WSAConnect;
static WSAIoctl_t real_WSAIoctl;
static LPFN_CONNECTEX real_ConnectEx;
static bind_t plain_bind; // Winsock's

// The TCP address to connect to. 1 when there is nothing to translate, 0 when it is in *in, SOCKET_ERROR with the error set.
static int translate(SOCKET handle, const struct sockaddr *address, int length, struct sockaddr_in *in)
{
    unix_socket s;

    if (!unix_get(handle, &s))
        return 1;
    if (!address || length < (int)sizeof(USHORT) || address->sa_family != UNIX_FAMILY) {
        SetLastError(address ? WSAEAFNOSUPPORT : WSAEFAULT);
        return SOCKET_ERROR;
    }
    if (!unix_target(address, length, in))
        return SOCKET_ERROR;
    unix_text(address, length, s.peer);
    unix_put(&s);
    return 0;
}

static int WSAAPI hook_connect(SOCKET handle, const struct sockaddr *address, int length)
{
    struct sockaddr_in in;
    int how = translate(handle, address, length, &in);

    if (how < 0)
        return SOCKET_ERROR;
    return how ? real_connect(handle, address, length) : real_connect(handle, (struct sockaddr *)&in, sizeof in);
}

static int WSAAPI hook_WSAConnect(SOCKET handle, const struct sockaddr *address, int length, void *to, void *from, void *quality,
                                  void *group)
{
    struct sockaddr_in in;
    int how = translate(handle, address, length, &in);

    if (how < 0)
        return SOCKET_ERROR;
    return how ? real_WSAConnect(handle, address, length, to, from, quality, group)
               : real_WSAConnect(handle, (struct sockaddr *)&in, sizeof in, to, from, quality, group);
}

// ConnectEx wants a bound socket, and a Unix socket's client has no name to bind.
static BOOL WSAAPI hook_ConnectEx(SOCKET handle, const struct sockaddr *address, int length, void *data, DWORD size, DWORD *sent,
                                  OVERLAPPED *overlapped)
{
    struct sockaddr_in in;
    struct sockaddr_in any = {.sin_family = AF_INET};
    int how = translate(handle, address, length, &in);

    if (how < 0)
        return FALSE;
    if (how)
        return real_ConnectEx(handle, address, length, data, size, sent, overlapped);
    plain_bind(handle, (struct sockaddr *)&any, sizeof any); // fails for one that is bound
    return real_ConnectEx(handle, (struct sockaddr *)&in, sizeof in, data, size, sent, overlapped);
}

static BOOL same_guid(const void *a, const GUID *b)
{
    for (ULONG i = 0; i < sizeof *b; i++)
        if (((const BYTE *)a)[i] != ((const BYTE *)b)[i])
            return FALSE;
    return TRUE;
}

static int WSAAPI hook_WSAIoctl(SOCKET handle, DWORD code, void *in, DWORD in_size, void *out, DWORD out_size, DWORD *returned,
                                OVERLAPPED *overlapped, void *completion)
{
    static const GUID connect_ex = WSAID_CONNECTEX;
    static const GUID addresses = WSAID_GETACCEPTEXSOCKADDRS;
    int result = real_WSAIoctl(handle, code, in, in_size, out, out_size, returned, overlapped, completion);

    if (result || code != SIO_GET_EXTENSION_FUNCTION_POINTER || in_size < sizeof(GUID) || out_size < sizeof(void *))
        return result;
    if (same_guid(in, &connect_ex)) {
        memcpy(&real_ConnectEx, out, sizeof(void *));
        *(void **)out = hook_ConnectEx;
    } else if (same_guid(in, &addresses)) {
        *(void **)out = unix_accept_addresses();
    }
    return result;
}

void hook_unix_connect(HMODULE winsock, bind_t bind)
{
    plain_bind = bind;
    real_connect = (connect_t)patch_export(winsock, "connect", hook_connect);
    real_WSAConnect = (WSAConnect_t)patch_export(winsock, "WSAConnect", hook_WSAConnect);
    real_WSAIoctl = (WSAIoctl_t)patch_export(winsock, "WSAIoctl", hook_WSAIoctl);
}
