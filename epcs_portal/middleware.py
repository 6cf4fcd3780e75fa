def private_pages(get_response):
    """Keep pages of a signed-in person out of every cache, the browser's too."""

    def middleware(request):
        response = get_response(request)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware
