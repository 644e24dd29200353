"""Executions to be measured: each in a workspace of its own."""
import os, shutil, subprocess, tempfile

ARGUMENTS = ["run", "breakdown.md", "--deps", "explicit", "--max-parallel", "8"]


def workspace(breakdown):
    folder = tempfile.mkdtemp()
    os.mkdir(folder + "/.execution-coordinator")
    shutil.copy(breakdown, folder + "/breakdown.md")
    return folder


def run(command, folder):
    return subprocess.Popen(command + ARGUMENTS, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
