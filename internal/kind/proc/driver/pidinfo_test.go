// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

func TestExitInfo(t *testing.T) {
	cmd := exec.Command("sh", "-c", "read x; exit 7")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	ws, known, unsupported := exitInfo(fd)
	if known {
		t.Errorf("one that runs has ended with %v", ws)
	}
	in.Close()
	_ = cmd.Wait()
	if ws, known, err := exitInfo(fd); unsupported == nil && (err != nil || !known || ws.ExitStatus() != 7) {
		t.Errorf("%v %v %v", ws, known, err)
	}
}
