from typing import Any

from django.core.exceptions import BadRequest
from django.core.files.uploadhandler import FileUploadHandler


class NoFiles(FileUploadHandler):
    """Refuse a file before storing a byte of it; no form of the portal has one."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise BadRequest("No file is accepted.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Store nothing."""

    def file_complete(self, file_size: int) -> None:
        """Return nothing: there is no file."""
