"""Who may sign in here."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tenants.admin.looks import ModelAdmin

admin.site.unregister([User, Group])


@admin.register(User)
class PersonAdmin(UserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "is_active", "is_staff", "is_superuser", "last_login"]
    list_filter = []
    filter_horizontal = ()
    fieldsets = [
        (None, {"fields": ["username", "password", "first_name", "last_name", "email"]}),
        ("What they may do", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Single permissions", {"fields": ["user_permissions"], "classes": ["collapse"]}),
    ]
