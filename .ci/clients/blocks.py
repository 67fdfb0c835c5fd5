"""Runs the blocks of a page of documentation against a server.

Usage: blocks.py PAGE BASE. Blocks of Python and of sh run as they stand, with
the server's address in the place of the one on the page, and in BANDISH. Blocks
of R run where Rscript is installed.
"""
import os, re, shutil, subprocess, sys, tempfile

page, base = sys.argv[1:3]
text = open(page, encoding="utf-8").read().replace("http://127.0.0.1:8080", base)
env = dict(os.environ, BANDISH=base)
ran, skipped = {}, 0
with tempfile.TemporaryDirectory() as work:
    for kind, block in re.findall(r"^```(python|sh|r)\n(.*?)^```$", text, re.M | re.S):
        command = {"python": [sys.executable, "-c", block], "sh": ["bash", "-euo", "pipefail", "-c", block], "r": ["Rscript", "-e", block]}[kind]
        if not shutil.which(command[0]):
            skipped += 1
            continue
        done = subprocess.run(command, env=env, cwd=work, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{page}: this block failed:\n{block}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
        ran[kind] = ran.get(kind, 0) + 1
if not ran:
    sys.exit(f"{page}: no block was run")
print(f"{os.path.basename(page)}: ran {ran}" + (f"; {skipped} blocks of R were not run: there is no Rscript" if skipped else ""))
