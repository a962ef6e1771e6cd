// Volume mount points: Wine has none (hcs-api §8.3). A HostProcess container sets one and uses the volume by another name afterwards,
// so that saying yes is enough (§8.4 no. 5).
#include "hook.h"

static BOOL WINAPI hook_SetVolumeMountPointW(PCWSTR directory, PCWSTR volume)
{
    (void)directory;
    (void)volume;
    return TRUE;
}

static BOOL WINAPI hook_DeleteVolumeMountPointW(PCWSTR directory)
{
    (void)directory;
    return TRUE;
}

void hook_mounts(void)
{
    patch_kernel32("SetVolumeMountPointW", hook_SetVolumeMountPointW, NULL);
    patch_kernel32("DeleteVolumeMountPointW", hook_DeleteVolumeMountPointW, NULL);
}
