"""sockets.py COUNT BREAKDOWN COMMAND...: COUNT clients at the socket of an execution's owner are told of
every event. Prints events, seconds of the execution alone and with them, seconds until all were told,
events per second over all of them, and the owner's memory in megabytes."""
import os, selectors, socket, subprocess, sys, time

from execution import run, workspace

count, breakdown, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
begin = time.perf_counter()
run(command, workspace(breakdown)).wait()
alone = time.perf_counter() - begin

folder = workspace(breakdown)
state = folder + "/.execution-coordinator/"
begin = time.perf_counter()
execution = run(command, folder)
doors = lambda: [state + name + "/socket" for name in os.listdir(state) if os.path.exists(state + name + "/socket")]
while not doors():
    time.sleep(0.001)
waiting, told, ends, peak = selectors.DefaultSelector(), {}, {}, 0
for _ in range(count):
    client = socket.socket(socket.AF_UNIX)
    client.connect(doors()[0])
    client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"execution/subscribe","params":{"from":1}}\n')
    waiting.register(client, selectors.EVENT_READ)
    told[client] = 0
while len(ends) < count:
    for key, _ in waiting.select(60):
        client = key.fileobj
        data = client.recv(1 << 18)
        told[client] += data.count(b'"method":"execution/event"')
        if b'"executionEnded"' in data:
            ends[client] = time.perf_counter() - begin
            waiting.unregister(client)
        elif not data:
            sys.exit(f"one was let go after {told[client]} events")
    try:
        peak = max(peak, int(open(f"/proc/{execution.pid}/status").read().split("VmHWM:")[1].split()[0]) / 1024)
    except (OSError, IndexError):
        pass
execution.wait()
together = time.perf_counter() - begin
events = max(told.values())
# A name that is cut in two by a read is counted by nobody.
if min(told.values()) < events - 5:
    sys.exit(f"some were told less: {sorted(set(told.values()))}")
print(f"| {events} events, {count} clients | {alone:.1f} | {together:.1f} | {max(ends.values()):.1f} | {events * count / max(ends.values()):.0f} | {peak:.0f} |")
