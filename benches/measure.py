"""measure.py COMMAND...: wall milliseconds and peak megabytes of one run."""
import resource, subprocess, sys, time

begin = time.monotonic()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
print(f"{(time.monotonic() - begin) * 1000:.0f} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f}")
