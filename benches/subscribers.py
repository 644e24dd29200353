"""subscribers.py COUNT BREAKDOWN COMMAND...: an execution that COUNT clients are told of, event by
event. Prints events, seconds from its start to its end alone and with them, and seconds until each
of them had every event, with the memory of one of them in megabytes."""
import json, os, subprocess, sys, threading, time

from execution import run, workspace

count, breakdown, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
begin = time.perf_counter()
run(command, workspace(breakdown)).wait()
alone = time.perf_counter() - begin

folder = workspace(breakdown)
begin = time.perf_counter()
execution = run(command, folder)
while not any(os.path.exists(f"{folder}/.execution-coordinator/{name}/journal.jsonl") for name in os.listdir(folder + "/.execution-coordinator")):
    time.sleep(0.001)
clients, ends, counts = [], [0.0] * count, [0] * count


def listen(n, out):
    for line in out:
        if b'"method":"execution/event"' in line:
            counts[n] += 1
            if b'"executionEnded"' in line:
                ends[n] = time.perf_counter() - begin
                return


threads = []
for n in range(count):
    client = subprocess.Popen(command + ["serve"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    client.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"execution/subscribe","params":{"from":1}}\n')
    client.stdin.flush()
    clients.append(client)
    threads.append(threading.Thread(target=listen, args=(n, client.stdout), daemon=True))
    threads[-1].start()
execution.wait()
together = time.perf_counter() - begin
for thread in threads:
    thread.join(120)
memory = int(open(f"/proc/{clients[0].pid}/status").read().split("VmHWM:")[1].split()[0]) / 1024
for client in clients:
    client.kill()
if len(set(counts)) != 1:
    sys.exit(f"some were told less: {sorted(set(counts))}")
print(f"| {counts[0]} events, {count} subscribers | {alone:.2f} | {together:.2f} | {max(ends):.2f} | {memory:.0f} |")
