// SPDX-License-Identifier: Apache-2.0

package driver

import "golang.org/x/sys/unix"

// remoteTypes are file systems whose server may be gone (linux/magic.h).
var remoteTypes = map[int64]bool{
	unix.NFS_SUPER_MAGIC: true, unix.SMB_SUPER_MAGIC: true, unix.CIFS_SUPER_MAGIC: true, unix.SMB2_SUPER_MAGIC: true,
	unix.FUSE_SUPER_MAGIC: true, unix.V9FS_MAGIC: true, unix.CEPH_SUPER_MAGIC: true, unix.AFS_SUPER_MAGIC: true,
}

// isRemote reports whether to execute the file may hang. A fork waits for its exec with a
// lock that all forks of the program need, so such a file is executed by the stub.
func isRemote(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && remoteTypes[int64(uint32(st.Type))]
}
