import socket

from django.http import HttpResponse


def hang_up(request) -> HttpResponse:
    """Cut the connection, as a network does; gunicorn lends its socket for that."""
    connection = request.environ["gunicorn.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return HttpResponse(status=503)
