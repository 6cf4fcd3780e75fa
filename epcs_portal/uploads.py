from django.core.exceptions import BadRequest
from django.core.files.uploadhandler import FileUploadHandler


class NoFiles(FileUploadHandler):
    """Refuse a file before a byte of it is kept; no form of the portal has one."""

    def new_file(self, *args, **kwargs):
        raise BadRequest("No file is accepted.")

    def receive_data_chunk(self, raw_data, start):
        """Keep nothing."""

    def file_complete(self, file_size):
        """Return nothing: there is no file."""
