/** The child processes of a process. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface ChildProcessInfo {
  readonly pid: number;
  readonly command: string;
}

/** Reads /proc, because a slim image has no `ps`; uses `ps` where there is no /proc. */
export function childProcesses(parent: number): ChildProcessInfo[] {
  return (existsSync('/proc/self/stat') ? fromProc() : fromPs()).filter(({ ppid }) => ppid === parent);
}

interface ProcessInfo extends ChildProcessInfo {
  readonly ppid: number;
}

function fromProc(): ProcessInfo[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The name in parentheses may hold any character. The parent is the second field after it.
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const ppid = Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2]);
      return [
        { pid: Number(name), ppid, command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') },
      ];
    } catch {
      // The process has ended meanwhile.
      return [];
    }
  });
}

function fromPs(): ProcessInfo[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,command='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const [, pid, ppid, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), ppid: Number(ppid), command: command ?? '' }];
  });
}
