#include "platform/linux/calls.h"

#include <errno.h>

#include "platform/platform.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/*
 * What neither the guard nor a helper of its ever asks for: a hand in other processes, in the
 * kernel, or in its clock and devices; and what gave exploits of the kernel most to work with.
 * Container engines refuse the same by default, so that programs are used to do without. Not in it:
 * a user namespace and a detached file system, which each new managed agent takes.
 */
static const int forbidden[] = {
#ifndef __SANITIZE_ADDRESS__ /* it looks for leaks by tracing its own process */
	SCMP_SYS(ptrace),
#endif
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(bpf),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(move_pages),
	SCMP_SYS(migrate_pages),
	SCMP_SYS(acct),
	SCMP_SYS(quotactl),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(reboot),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(syslog),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(vhangup),
};

void calls_free(scmp_filter_ctx *filter) {
	if (*filter != NULL)
		seccomp_release(*filter);
}

int calls_new(scmp_filter_ctx *ret) {
	static const uint32_t siblings[][2] = {
		{SCMP_ARCH_X86_64, SCMP_ARCH_X86},
		{SCMP_ARCH_X86_64, SCMP_ARCH_X32},
		{SCMP_ARCH_AARCH64, SCMP_ARCH_ARM},
	};
	CLEANUP(calls_free) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; error == 0 && i < sizeof(siblings) / sizeof(siblings[0]); i++)
		if (siblings[i][0] == seccomp_arch_native())
			error = seccomp_arch_add(filter, siblings[i][1]);
	if (error < 0)
		return error;
	*ret = filter;
	filter = NULL;
	return 0;
}

int platform_forbid_calls(void) {
	CLEANUP(calls_free) scmp_filter_ctx filter = NULL;
	int error = calls_new(&filter);

	for (size_t i = 0; error == 0 && i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
	return error < 0 ? error : seccomp_load(filter);
}

int platform_forbid_children(void) {
	static const int starting[] = {SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(fork),
	                               SCMP_SYS(vfork)};
	CLEANUP(calls_free) scmp_filter_ctx filter = NULL;
	int error = calls_new(&filter);

	for (size_t i = 0; error == 0 && i < sizeof(starting) / sizeof(starting[0]); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN), starting[i], 0);
	return error < 0 ? error : seccomp_load(filter);
}
