from sandbox.idme import visits


def visitor(request):
    return {
        "account": visits.account_of(request),
        "return_to": request.session.get("return_to"),
    }
