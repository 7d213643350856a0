/* Holds the layouts that kernel_bytes.c takes apart against the system's own headers. There is no
 * code here: where a header says otherwise, this does not compile. */
#include <bsm/audit.h>
#include <libproc.h>
#include <stddef.h>
#include <sys/proc.h>
#include <sys/sysctl.h>

#include "platform/darwin/kernel_bytes.h"

#define IS_AT(type, member, offset) \
	_Static_assert(offsetof(type, member) == (offset), #type "." #member)

_Static_assert(sizeof(struct proc_bsdinfo) == DARWIN_BSDINFO_SIZE, "struct proc_bsdinfo");
IS_AT(struct proc_bsdinfo, pbi_flags, 0);
IS_AT(struct proc_bsdinfo, pbi_status, 4);
IS_AT(struct proc_bsdinfo, pbi_pid, 12);
IS_AT(struct proc_bsdinfo, pbi_ppid, 16);
IS_AT(struct proc_bsdinfo, pbi_uid, 20);
IS_AT(struct proc_bsdinfo, pbi_comm, 48);
IS_AT(struct proc_bsdinfo, pbi_name, 64);
IS_AT(struct proc_bsdinfo, pbi_start_tvsec, 120);
IS_AT(struct proc_bsdinfo, pbi_start_tvusec, 128);
_Static_assert(PROC_FLAG_TRACED == 0x02 && PROC_FLAG_INEXIT == 0x04 && PROC_FLAG_CONTROLT == 0x80,
               "pbi_flags");

_Static_assert(sizeof(struct kinfo_proc) == DARWIN_KINFO_SIZE, "struct kinfo_proc");
IS_AT(struct kinfo_proc, kp_proc.p_starttime.tv_sec, 0);
IS_AT(struct kinfo_proc, kp_proc.p_starttime.tv_usec, 8);
IS_AT(struct kinfo_proc, kp_proc.p_flag, 32);
IS_AT(struct kinfo_proc, kp_proc.p_stat, 36);
IS_AT(struct kinfo_proc, kp_proc.p_pid, 40);
IS_AT(struct kinfo_proc, kp_proc.p_comm, 243);
IS_AT(struct kinfo_proc, kp_eproc.e_ucred.cr_uid, 420);
IS_AT(struct kinfo_proc, kp_eproc.e_ppid, 560);
_Static_assert(P_CONTROLT == 0x0002 && P_TRACED == 0x0800 && P_WEXIT == 0x2000, "p_flag");
_Static_assert(SZOMB == 5 && MAXCOMLEN == 16, "p_stat, p_comm");

_Static_assert(sizeof(audit_token_t) == DARWIN_TOKEN_SIZE, "audit_token_t");

_Static_assert(sizeof(struct proc_vnodepathinfo) == DARWIN_DIRECTORIES_SIZE,
               "struct proc_vnodepathinfo");
IS_AT(struct proc_vnodepathinfo, pvi_cdir.vip_path, 152);
_Static_assert(MAXPATHLEN == 1024, "vip_path");

_Static_assert(sizeof(struct socket_fdinfo) == DARWIN_SOCKET_SIZE, "struct socket_fdinfo");
IS_AT(struct socket_fdinfo, pfi.fi_status, 4);
IS_AT(struct socket_fdinfo, psi.soi_so, 160);
IS_AT(struct socket_fdinfo, psi.soi_kind, 256);
IS_AT(struct socket_fdinfo, psi.soi_proto.pri_un.unsi_conn_so, 264);
_Static_assert(PROC_FP_CLEXEC == 0x2 && SOCKINFO_UN == 3, "fi_status, soi_kind");
