"""What tests of altered bundles look at."""

import base64
import hashlib
import json

from joserfc import jws
from joserfc.jwk import ECKey

from prescriptions.records.bundles import verify


def problems(path, **more):
    return verify.check(path, **more).problems


def every_file(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip(path, *, at, bit=0):
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def sealed_by_a_thief(folder, **seal):
    """Replace keys and seal, and list every file as it is now."""
    key = ECKey.generate_key("P-256")
    public = dict(key.as_dict(private=False)) | {"kid": key.thumbprint()}
    keys = json.loads((folder / verify.KEYS).read_text())["keys"]
    keys.append(public | {"activated_at": "2020-01-01T00:00:00+00:00"})
    (folder / verify.KEYS).write_text(json.dumps({"keys": keys}))
    reseal(folder, key, **seal)
    return key


def reseal(folder, key, **more):
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}"
        f"  {path.relative_to(folder).as_posix()}\n"
        for path in every_file(folder)
        if path.name not in {verify.MANIFEST, verify.SEAL}
    ]
    (folder / verify.MANIFEST).write_text("".join(lines))
    digest = hashlib.sha256((folder / verify.MANIFEST).read_bytes()).hexdigest()
    seal = json.loads(
        base64.urlsafe_b64decode(
            (folder / verify.SEAL).read_text().split(".")[1] + "=="
        )
    )
    seal |= {"manifest": digest, "key_id": key.thumbprint()} | more
    header = {"alg": "ES256", "kid": key.thumbprint()}
    (folder / verify.SEAL).write_text(
        jws.serialize_compact(header, json.dumps(seal).encode(), key)
    )
