from django.urls import path

from mfa.phones import views

urlpatterns = [
    path("devices/add/phone/", views.add, name="phone-add"),
    path("devices/add/phone/pair/", views.pair, name="phone-pair"),
    path("devices/add/phone/state/", views.pairing_state, name="phone-pair-state"),
    path("phone/", views.phone, name="phone"),
    path("phone/pairing/", views.claim, name="phone-claim"),
    path("phone/challenges/", views.challenges, name="phone-challenges"),
    path("phone/answers/", views.answer, name="phone-answers"),
]
