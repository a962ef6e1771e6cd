// Making, binding and naming Unix sockets.
#include "unix_socket.h"

typedef SOCKET(WSAAPI *WSASocketW_t)(int, int, int, void *, GROUP, DWORD);
typedef SOCKET(WSAAPI *socket_t)(int, int, int);
typedef int(WSAAPI *setsockopt_t)(SOCKET, int, int, const char *, int);
typedef int(WSAAPI *name_t)(SOCKET, struct sockaddr *, int *);

static WSASocketW_t real_WSASocketW;
static socket_t real_socket;
static bind_t real_bind;
static name_t real_getsockname;
static name_t real_getpeername;
static setsockopt_t plain_setsockopt;

BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T size);

static BOOL stream_only(int type, int protocol)
{
    if (type == SOCK_STREAM && !protocol)
        return TRUE;
    SetLastError(type == SOCK_STREAM ? WSAEPROTONOSUPPORT : WSAESOCKTNOSUPPORT);
    return FALSE;
}

// A Unix socket does not hold back small writes.
static SOCKET keep(SOCKET s)
{
    BOOL on = TRUE;

    if (s != INVALID_SOCKET)
        plain_setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    if (s != INVALID_SOCKET && !unix_add(s)) {
        CloseHandle((HANDLE)s);
        SetLastError(WSAENOBUFS);
        return INVALID_SOCKET;
    }
    return s;
}

static SOCKET WSAAPI hook_WSASocketW(int family, int type, int protocol, void *info, GROUP group, DWORD flags)
{
    if (family != UNIX_FAMILY || info)
        return real_WSASocketW(family, type, protocol, info, group, flags);
    if (!stream_only(type, protocol))
        return INVALID_SOCKET;
    return keep(real_WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, group, flags));
}

static SOCKET WSAAPI hook_socket(int family, int type, int protocol)
{
    if (family != UNIX_FAMILY)
        return real_socket(family, type, protocol);
    return stream_only(type, protocol) ? keep(real_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)) : INVALID_SOCKET;
}

// 127.77.0.0/16, without its first and last.
static ULONG some_address(void)
{
    BYTE part[2];

    ProcessPrng(part, sizeof part);
    return 127 | 77 << 8 | (ULONG)part[0] << 16 | (1 + (ULONG)part[1] % 254) << 24;
}

static int bind_error(NTSTATUS status)
{
    switch (status) {
    case STATUS_OBJECT_NAME_COLLISION:
        return WSAEADDRINUSE;
    case STATUS_ACCESS_DENIED:
        return WSAEACCES;
    case STATUS_OBJECT_NAME_INVALID:
        return WSAEINVAL;
    }
    return WSAENETDOWN; // [assumed] of a directory that is not there
}

static int bind_unix(unix_socket *s, const struct sockaddr *address, int length)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    int size = sizeof in;
    char path[UNIX_PATH_MAX];
    linux_stat_t st;

    NTSTATUS status = unix_file(address, length, TRUE, path);
    if (NT_SUCCESS(status) && !linux_lstat(path, &st))
        status = STATUS_OBJECT_NAME_COLLISION;
    if (!NT_SUCCESS(status)) {
        SetLastError(bind_error(status));
        return SOCKET_ERROR;
    }
    in.sin_addr.s_addr = some_address();
    if (real_bind(s->handle, (struct sockaddr *)&in, sizeof in) || real_getsockname(s->handle, (struct sockaddr *)&in, &size))
        return SOCKET_ERROR;
    status = socket_make(path, in.sin_addr.s_addr, in.sin_port);
    if (!NT_SUCCESS(status)) {
        SetLastError(bind_error(status));
        return SOCKET_ERROR;
    }
    s->address = in.sin_addr.s_addr;
    s->port = in.sin_port;
    unix_text(address, length, s->own);
    unix_put(s);
    return 0;
}

static int WSAAPI hook_bind(SOCKET handle, const struct sockaddr *address, int length)
{
    unix_socket s;

    if (!unix_get(handle, &s))
        return real_bind(handle, address, length);
    if (!address || length < (int)sizeof(USHORT) || address->sa_family != UNIX_FAMILY) {
        SetLastError(address ? WSAEAFNOSUPPORT : WSAEFAULT);
        return SOCKET_ERROR;
    }
    if (s.port) {
        SetLastError(WSAEINVAL);
        return SOCKET_ERROR;
    }
    return bind_unix(&s, address, length);
}

// One that was accepted has its listener's name.
static const char *own_name(SOCKET handle, unix_socket *s)
{
    struct sockaddr_in in;
    int size = sizeof in;
    unix_socket listener;

    if (!s->own[0] && !real_getsockname(handle, (struct sockaddr *)&in, &size) &&
        unix_listener(in.sin_addr.s_addr, in.sin_port, &listener))
        memcpy(s->own, listener.own, sizeof s->own);
    return s->own;
}

static int WSAAPI hook_getsockname(SOCKET handle, struct sockaddr *address, int *length)
{
    unix_socket s;

    if (!unix_get(handle, &s))
        return real_getsockname(handle, address, length);
    return unix_write(own_name(handle, &s), address, length) ? 0 : SOCKET_ERROR;
}

static int WSAAPI hook_getpeername(SOCKET handle, struct sockaddr *address, int *length)
{
    struct sockaddr_in in;
    int size = sizeof in;
    unix_socket s;

    if (!unix_get(handle, &s))
        return real_getpeername(handle, address, length);
    if (real_getpeername(handle, (struct sockaddr *)&in, &size))
        return SOCKET_ERROR;
    return unix_write(s.peer, address, length) ? 0 : SOCKET_ERROR;
}

void hook_unix_sockets(void)
{
    HMODULE winsock = LoadLibraryA("ws2_32.dll");
    HMODULE extensions = LoadLibraryA("mswsock.dll");

    if (!winsock || !extensions) {
        report("HCSSIM_NODE: no ws2_32.dll or mswsock.dll: no Unix sockets");
        return;
    }
    plain_setsockopt = (setsockopt_t)(void *)GetProcAddress(winsock, "setsockopt");
    real_WSASocketW = (WSASocketW_t)patch_export(winsock, "WSASocketW", hook_WSASocketW);
    real_socket = (socket_t)patch_export(winsock, "socket", hook_socket);
    real_bind = (bind_t)patch_export(winsock, "bind", hook_bind);
    real_getsockname = (name_t)patch_export(winsock, "getsockname", hook_getsockname);
    real_getpeername = (name_t)patch_export(winsock, "getpeername", hook_getpeername);
    hook_unix_connect(winsock, real_bind);
    hook_unix_accept(winsock, extensions);
}
